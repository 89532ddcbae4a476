module strongroom.dev

go 1.26

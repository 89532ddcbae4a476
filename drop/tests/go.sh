# A machine that has Go and a C compiler, and no network.
drop=$1
. /tmp/expect.sh
tree=$(readlink -f /usr/lib/go-1.26/src/runtime)
export STRONGROOM_PASSWORD="correct horse" GOTOOLCHAIN=local GOFLAGS=-modcacherw
proxy="GOPROXY=file://$drop/go/modules GOSUMDB=off"

# As the example stands, with the modules that the drop brings.
cp -R "$drop/examples/go" replaced
cd replaced
sed -i "s|=> .*|=> $drop/go|" go.mod
env $proxy go build -o backup .
./backup /tmp/repository-1 "$tree" /tmp/target-1
same "$tree" /tmp/target-1
cd ..

# Vendored: nothing of the drop is there, and no proxy.
cp -R replaced vendored
cd vendored
env $proxy go mod vendor
find vendor -name libstrongroom.a | grep linux_amd64
mv "$drop" /tmp/hidden
env GOPROXY=off GOFLAGS=-mod=vendor go build -o backup .
./backup /tmp/repository-2 "$tree" /tmp/target-2
same "$tree" /tmp/target-2

# What is not as it should be: the library was not checked in with the rest, as where .a is ignored.
rm vendor/strongroom.dev/go/lib/linux_amd64/libstrongroom.a
# What is in the go command's cache is not compiled again, and then it is the linker that misses it: other flags, another entry.
fails "strongroom.dev/go/lib/linux_amd64/libstrongroom.a is missing: unpack the drop again" env CGO_CFLAGS=-O1 GOPROXY=off GOFLAGS=-mod=vendor go build -o backup .
mv /tmp/hidden "$drop"
cd ../replaced
fails "undefined: this_drop_of_strongroom_has_no_library_for_this_platform__it_has_linux_amd64" env $proxy go build -tags musl .
fails "undefined: strongroom_needs_cgo__install_a_C_compiler" env $proxy CGO_ENABLED=0 go build .

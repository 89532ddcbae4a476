# A machine that has Python, and neither a compiler nor a network.
drop=$1
. /tmp/expect.sh
tree=/usr/lib/python3.11
export STRONGROOM_PASSWORD="correct horse"
"$drop/check"
python3 -m venv environment
environment/bin/pip install --no-index --quiet "$drop"/python/*.whl
environment/bin/python "$drop/examples/python/backup.py" /tmp/repository-1 "$tree" /tmp/target-1
same "$tree" /tmp/target-1
test "$(environment/bin/strongroom --version)" = "strongroom version $(cat "$drop/VERSION")"
environment/bin/strongroom --repo /tmp/repository-2 init
environment/bin/strongroom --repo /tmp/repository-2 backup "$tree"
environment/bin/strongroom --repo /tmp/repository-2 restore latest --target /tmp/target-2
same "$tree" /tmp/target-2

# What is not as it should be. An exception's text is the last line of a traceback, so it is caught here.
said() {
  environment/bin/python -c 'import runpy, sys
del sys.argv[0]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except ImportError as error:
    sys.exit(str(error))' "$drop/examples/python/backup.py" /tmp/repository-3 "$tree" /tmp/target-3
}
installed=$(echo environment/lib/python*/site-packages/strongroom)
library=$installed/libstrongroom.so
native=$installed/_rpc/_native.abi3.so

mv "$library" whole.so
fails "there is no library at /tmp/$library; reinstall the package, or set STRONGROOM_LIBRARY" said
head -c 5000 whole.so >"$library"
fails "$library is not whole" said
# Byte 18 of an ELF file is the machine that it is for; 183 is aarch64.
{ head -c 18 whole.so; printf '\267\000'; tail -c +21 whole.so; } >"$library"
fails "$library is for aarch64, and this machine is x86_64; install the wheel for this platform" said
mv whole.so "$library"

mv "$native" whole.so
fails "has no native part for CPython 3.11" said
{ head -c 18 whole.so; printf '\267\000'; tail -c +21 whole.so; } >"$native"
fails "_native.abi3.so is for aarch64, and this machine is x86_64; install the wheel for this platform" said
# Needs a symbol of a C library that nobody has yet: as an older machine sees a newer file.
LC_ALL=C sed 's/GLIBC_2\.2\.5/GLIBC_9.9.9/g' whole.so >"$native"
fails "_native.abi3.so needs glibc 9.9.9 or later, and this machine has 2." said
mv whole.so "$native"
said

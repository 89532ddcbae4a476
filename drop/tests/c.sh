# A machine that has a C compiler, make, pkg-config and CMake.
drop=$1
. /tmp/expect.sh
tree=/usr/include
export STRONGROOM_PASSWORD="correct horse"
"$drop/check"

# pkg-config, static: the program needs nothing of the drop.
cp -R "$drop/examples/c" static
cd static
make SDK="$drop"
mv "$drop/linux-amd64/lib" "$drop/hidden"
./backup /tmp/repository-1 $tree /tmp/target-1
mv "$drop/hidden" "$drop/linux-amd64/lib"
same $tree /tmp/target-1
cd ..

# pkg-config, shared.
cp -R "$drop/examples/c" shared
cd shared
make SDK="$drop" PACKAGE=strongroom
fails "libstrongroom.so.1: cannot open shared object file" ./backup /tmp/repository-2 $tree /tmp/target-2
LD_LIBRARY_PATH=$drop/linux-amd64/lib ./backup /tmp/repository-2 $tree /tmp/target-2
same $tree /tmp/target-2
cd ..

# CMake, both.
cp -R "$drop/examples/c" cmake
cd cmake
cmake -B build -DCMAKE_PREFIX_PATH="$drop/linux-amd64"
cmake --build build
build/backup /tmp/repository-3 $tree /tmp/target-3
same $tree /tmp/target-3
sed -i 's/strongroom::static/strongroom::shared/' CMakeLists.txt
cmake -B build-shared -DCMAKE_PREFIX_PATH="$drop/linux-amd64"
cmake --build build-shared
build-shared/backup /tmp/repository-4 $tree /tmp/target-4
same $tree /tmp/target-4
cd ..

# The agent, on this machine's older C library.
agent=$drop/linux-amd64/bin/strongroom
test "$("$agent" --version)" = "strongroom version $(cat "$drop/VERSION")"
"$agent" --repo /tmp/repository-5 init
"$agent" --repo /tmp/repository-5 backup $tree
"$agent" --repo /tmp/repository-5 restore latest --target /tmp/target-5
same $tree /tmp/target-5

# A library that another one of Rust stands beside.
other=/tmp/$2
cat >two.c <<'C'
#include <stdio.h>
#include "strongroom.h"
unsigned other_answer(void);
int main(void) {
  printf("%u %u\n", other_answer(), sr_abi()->version);
  return 0;
}
C
for order in "$other -lstrongroom" "-lstrongroom $other"; do
  cc -I"$drop/linux-amd64/include" two.c -L"$drop/linux-amd64/lib" -Wl,-Bstatic $order -Wl,-Bdynamic -lm -ldl -pthread -o two
  test "$(./two)" = "42 1"
done

# What is not as it should be.
cd cmake
cmake_fails() {
  rm -rf build-bad
  if cmake -B build-bad -DCMAKE_PREFIX_PATH="$drop/linux-amd64" "$@" >said 2>&1; then
    echo "cmake was to refuse $*"
    exit 1
  fi
  # CMake breaks lines as it likes.
  tr -s '\n ' ' ' <said
}
cmake_fails -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 | grep -q "is for linux-amd64, and this builds for Linux aarch64: set CMAKE_PREFIX_PATH"
sed 's/(strongroom REQUIRED)/(strongroom 99.0 REQUIRED)/' -i CMakeLists.txt
cmake_fails | grep -q 'compatible with requested version "99.0"'
sed 's/ 99.0 / /' -i CMakeLists.txt
library=$drop/linux-amd64/lib/libstrongroom.a
mv "$library" whole.a
cmake_fails | grep -q "libstrongroom.a is missing: unpack the drop again"
fails "linux-amd64/lib/libstrongroom.a is missing (1 of " "$drop/check"
head -c 100000 whole.a >"$library"
cmake_fails | grep -q "libstrongroom.a has 100000 bytes and should have [0-9]*: unpack the drop again"
fails "linux-amd64/lib/libstrongroom.a is not what was released (1 of " "$drop/check"
mv whole.a "$library"
"$drop/check"
fails "check: this drop is for linux-amd64, and this machine is linux-riscv64; take strongroom-sdk-" env STRONGROOM_PLATFORM=linux-riscv64 "$drop/check"
# A C library older than the drop needs is told of by getconf.
mkdir old
printf '#!/bin/sh\necho glibc 2.17\n' >old/getconf
chmod +x old/getconf
fails "check: the libraries for linux-amd64 need glibc 2.28 or later, and this machine has 2.17; take" env PATH="$PWD/old:$PATH" "$drop/check"

# An archive of which the end is missing.
cd /tmp
head -c 3000000 "$drop.tar.gz" >cut.tar.gz
mkdir cut
if tar -xzf cut.tar.gz -C cut 2>/dev/null; then
  echo "tar was to miss the end of the archive"
  exit 1
fi
fails "files are not whole); unpack the archive again, after its sum was compared with that of the release" "cut/${drop##*/}/check"

#!/usr/bin/env bash
# release_test.sh RELEASE IDLC PACK CHECK CARGO_TOML CARGO_LOCK IDL: releases from a throw-away repository. Everything in it is real but the build: the
# repository's tools/bazel packs a drop of three files, and starts idlc.
set -euo pipefail
for name in release idlc pack check cargo_toml cargo_lock idl; do
  declare "$name=$(realpath "$1")"
  shift
done
export IDLC=$idlc PACK=$pack CHECK=$check
export HOME=$TEST_TMPDIR GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.com
tree=$TEST_TMPDIR/tree
mkdir -p "$tree/tools" "$tree/idl"
cd "$tree"
cp "$release" tools/release
cp "$cargo_toml" "$cargo_lock" .
cp "$idl" idl/strongroom.idl
chmod -R u+w .
cat >tools/bazel <<'B'
#!/usr/bin/env bash
set -euo pipefail
if [[ $1 = run ]]; then
  shift 3
  exec "$IDLC" "$@"
fi
[[ ! -e broken ]] || exit 1
version=$(sed -n '/^\[workspace.package\]/,/^\[/ s/^version = "\(.*\)"/\1/p' Cargo.toml)
mkdir -p bazel-bin/drop
cd bazel-bin/drop
rm -f ./*
echo "$version" >VERSION
# pack PLATFORM SUFFIX
pack() {
  local name=strongroom-sdk-$version-$1
  echo '{"root": "'"$name"'", "entries": [{"path": "VERSION", "file": "VERSION"}, {"path": "'"$1"'/include/a", "file": "VERSION"},
  {"path": "check", "file": "'"$CHECK"'", "executable": true}]}' >"$name$2.json"
  python3 "$PACK" "$name$2.json" "$name$2"
}
pack linux-amd64 .tar.gz
pack windows-amd64 .zip
cp "strongroom-sdk-$version-linux-amd64.tar.gz" "strongroom-sdk-$version-linux-amd64-symbols.tar.gz"
sha256sum ./*.tar.gz ./*.zip | sed 's, \./, ,' >"strongroom-sdk-$version-SHA256SUMS"
B
chmod +x tools/bazel
printf 'bazel-bin\nbroken\n' >.gitignore
git init --quiet --initial-branch=main .
git add .
git commit --quiet --message "The first"
openssl genpkey -algorithm ed25519 -out "$TEST_TMPDIR/key.pem" 2>/dev/null
openssl genpkey -algorithm rsa -out "$TEST_TMPDIR/rsa.pem" 2>/dev/null
openssl pkey -in "$TEST_TMPDIR/key.pem" -pubout -out "$TEST_TMPDIR/public.pem"

# fails TEXT ARGUMENT...: the first line says so, and neither a commit nor a tag is made.
fails() {
  local wanted=$1 head tags status=0
  shift
  head=$(git rev-parse HEAD) tags=$(git tag)
  tools/release "$@" >"$TEST_TMPDIR/said" 2>&1 || status=$?
  if [[ $status = 0 || $(head -n 1 "$TEST_TMPDIR/said") != *"$wanted"* || $(git rev-parse HEAD) != "$head" || $(git tag) != "$tags" ]]; then
    printf 'tools/release %s was to fail with "%s"; status %s, and it says:\n' "$*" "$wanted" "$status"
    cat "$TEST_TMPDIR/said"
    exit 1
  fi
}
expect() { [[ $2 = *"$1"* ]] || { printf 'this was to hold "%s":\n%s\n' "$1" "$2"; exit 1; }; }
release() { tools/release "$1" --key "$TEST_TMPDIR/key.pem" --out "$TEST_TMPDIR/out-$1" 2>&1; }
key=(--key "$TEST_TMPDIR/key.pem")

fails "usage: tools/release VERSION" 0.2.0
fails "2 is no version; write three numbers" 2 "${key[@]}" --out "$TEST_TMPDIR/none"
fails "the key /nowhere cannot be read; openssl genpkey" 0.2.0 --key /nowhere --out "$TEST_TMPDIR/none"
fails "rsa.pem is no ed25519 key" 0.2.0 --key "$TEST_TMPDIR/rsa.pem" --out "$TEST_TMPDIR/none"
fails "Cargo.toml is no private key" 0.2.0 --key Cargo.toml --out "$TEST_TMPDIR/none"
fails "is not empty; name a new folder" 0.2.0 "${key[@]}" --out idl
echo >>.gitignore
fails "there are changes that are not committed" 0.2.0 "${key[@]}" --out "$TEST_TMPDIR/none"
git checkout --quiet .gitignore

# The first release: nothing to compare with.
expect "released 0.2.0 in" "$(release 0.2.0)"
expect "v0.2.0" "$(git tag)"
expect "Release 0.2.0" "$(git log -1 --format=%s v0.2.0)"
expect 'version = "0.2.0"' "$(sed -n '/workspace.package/,/edition/p' Cargo.toml)"
# Of the lock file, the crates of the workspace and no other.
for name in strongroom strongroom-engine strongroom-rpc; do expect 'version = "0.2.0"' "$(grep -A 1 "^name = \"$name\"$" Cargo.lock)"; done
[[ $(git diff --numstat HEAD~1 Cargo.lock | cut -f 1) = $(grep -c '^version = "0.2.0"$' <(git diff -U0 HEAD~1 Cargo.lock | sed -n 's/^+//p')) ]]
expect "- The first (" "$(cat CHANGELOG.md)"
# As a user verifies it; another file of sums does not pass.
cd "$TEST_TMPDIR/out-0.2.0"
sums=strongroom-sdk-0.2.0-SHA256SUMS
openssl pkeyutl -verify -rawin -pubin -inkey "$TEST_TMPDIR/public.pem" -in $sums -sigfile $sums.sig
sha256sum -c $sums
cp $sums forged
sed -i 's/^./x/' forged
if openssl pkeyutl -verify -rawin -pubin -inkey "$TEST_TMPDIR/public.pem" -in forged -sigfile $sums.sig; then
  echo "a forged file of sums passes"
  exit 1
fi
cd "$tree"

fails "v0.2.0 is released already" 0.2.0 "${key[@]}" --out "$TEST_TMPDIR/none"
fails "0.1.9 does not come after v0.2.0" 0.1.9 "${key[@]}" --out "$TEST_TMPDIR/none"

# What grows is a patch.
sed -i 's/^  verify: bool = false$/&\n  later: bool = false/' idl/strongroom.idl
git commit --quiet --all --message "Options have later"
expect "released 0.2.1 in" "$(release 0.2.1)"
expect "- Options have later (" "$(sed -n '/## 0.2.1/,/## 0.2.0/p' CHANGELOG.md)"
[[ $(sed -n '/## 0.2.1/,/## 0.2.0/p' CHANGELOG.md) != *"The first"* ]]

# What breaks is a minor release before 1.0.0, and a major one from then on.
sed -i 's/^  one_file_system: bool = false$/  one_file_system: u32 = 0/' idl/strongroom.idl
git commit --quiet --all --message "A number of file systems"
fails "0.2.2 would break programs that use 0.2.1, by idlc breaking; release it as 0.3.0" 0.2.2 "${key[@]}" --out "$TEST_TMPDIR/none"
expect "one_file_system" "$(cat "$TEST_TMPDIR/said")"
expect "released 0.3.0 in" "$(release 0.3.0)"
expect "What breaks programs that use 0.2.1:" "$(cat CHANGELOG.md)"
expect "released 1.0.0 in" "$(release 1.0.0)"
sed -i 's/^  one_file_system: u32 = 0$/  one_file_system: bool = false/' idl/strongroom.idl
git commit --quiet --all --message "Or is it one"
fails "1.1.0 would break programs that use 1.0.0, by idlc breaking; release it as 2.0.0" 1.1.0 "${key[@]}" --out "$TEST_TMPDIR/none"

# A build that fails: the commit is named that things were like before.
touch broken
if said=$(release 2.0.0); then
  echo "a drop that cannot be built was released"
  exit 1
fi
expect "the drop could not be built; git reset --keep" "$said"
[[ -z $(git tag --list v2.0.0) ]]
git reset --quiet --keep "$(sed -n 's/.*git reset --keep \([0-9a-f]*\) .*/\1/p' <<<"$said")"
expect "Or is it one" "$(git log -1 --format=%s)"
rm broken
expect "released 2.0.0 in" "$(release 2.0.0)"

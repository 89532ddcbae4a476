# For the scripts that run in a clean root. set -eu holds.

# fails TEXT COMMAND...: the command fails, and the first line that it says of it has this text.
fails() {
  wanted=$1
  shift
  if "$@" >said 2>&1; then
    echo "this was to fail with '$wanted', and did not: $*"
    cat said
    exit 1
  fi
  # A compiler names the place before it says what is wrong there; the go command names the package.
  line=$(grep -v -e '^#' -e '^In file included' -e '^make' said | grep -m 1 . || true)
  case $line in
    *"$wanted"*) ;;
    *)
      echo "the first line of what this says was to have '$wanted': $*"
      cat said
      exit 1
      ;;
  esac
}

# same FOLDER TARGET: what was restored below TARGET is what the folder has.
same() {
  diff -r --no-dereference "$1" "$2/$1"
  echo "the same: $(find "$1" -type f | wc -l) files of $1"
}

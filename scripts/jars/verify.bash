# verify_jars NAME DIRECTORY: exit 2 unless the directory holds exactly the jars of scripts/jars/NAME.sha256.
verify_jars() {
  local list=$PWD/scripts/jars/$1.sha256 found
  found=$(cd "$2" && find . -maxdepth 1 -name '*.jar' -printf '%f\n' | LC_ALL=C sort)
  [[ "$found" == "$(awk '{print $2}' "$list")" ]] ||
    { echo "$1: the jars in $2 are not those of scripts/jars/$1.sha256" >&2; exit 2; }
  (cd "$2" && sha256sum --quiet --strict -c "$list") >&2 || { echo "$1: a jar in $2 is not what it was" >&2; exit 2; }
}

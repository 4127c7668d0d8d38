# java_version prints the major version of the java on the path, 0 without one.
java_version() {
  local found
  found=$({ java -version 2>&1 || true; } | sed -n 's/.*version "\([0-9]*\).*/\1/p')
  echo "${found:-0}"
}

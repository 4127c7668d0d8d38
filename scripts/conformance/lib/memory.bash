# limit_memory NAME BYTES makes a memory cgroup for one program, of version 2 or 1, and sets cgroup to its directory, which
# the caller removes in the end. Without the right to it says so, and cgroup stays empty.
cgroup=''
limit_memory() {
  local name="sentinela-$1-$$" limit=$2 root=/sys/fs/cgroup
  if [[ -e $root/cgroup.controllers ]] && echo +memory 2>/dev/null >"$root/cgroup.subtree_control" && mkdir "$root/$name" 2>/dev/null; then
    cgroup=$root/$name
    echo "$limit" >"$cgroup/memory.max"
    echo 0 2>/dev/null >"$cgroup/memory.swap.max" || true
  elif mkdir "$root/memory/$name" 2>/dev/null; then
    cgroup=$root/memory/$name
    echo "$limit" >"$cgroup/memory.limit_in_bytes"
    echo "$limit" 2>/dev/null >"$cgroup/memory.memsw.limit_in_bytes" || true
  else
    echo "$1: no memory cgroup can be made here (it takes root): the poisons run without a limit"
    return
  fi
  echo "$1: runs within $((limit >> 20)) MiB, in $cgroup"
}

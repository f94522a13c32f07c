#!/bin/bash
# boot.sh start   boot the virtual Pi, wait until it takes commands (disks keep their content)
# boot.sh stop    shut it down cleanly
# boot.sh cut     power cut: everything not flushed to the data disk is lost
# boot.sh torn N [SIZE]  (after a cut in a boot with RIG_LOG_WRITES=1) make the data disk what another cut at the same
#                 moment, or at some moment since out/data.log had SIZE bytes, could have left: of the writes after the
#                 last flush, a random part (seed N), some torn
# boot.sh reset   (while down) put back pristine disks
# boot.sh status  exit 0 if it is up
# With RIG_OWNER=<pid> the board is cut when that process is gone, however it went.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${RIG_OUT:-$here/out}
repo=$(cd "${RIG_REPO:-$here/../..}" && pwd)
run=$out/run
pid() { local p; p=$(cat "$run/$1.pid" 2>/dev/null) && [[ $(cat "/proc/$p/comm" 2>/dev/null) = "$1"* ]] && echo "$p"; }
gone() { for _ in $(seq 1 "$2"); do pid "$1" >/dev/null || return 0; sleep 0.1; done; return 1; }

case ${1:-} in
start)
  pid qemu >/dev/null && { echo "already up"; exit 0; }
  [ -e "$out/root.img" ] || { echo "no image: run build-image.sh" >&2; exit 1; }
  mkdir -p "$run/share/jobs"
  rm -rf "$run/share/jobs"/* "$run/share/ready" "$run"/*.pid "$run"/*.sock "$run"/ctl.*
  [ -e "$out/root.qcow2" ] || qemu-img create -q -f qcow2 -b root.img -F raw "$out/root.qcow2"
  [ -e "$out/data.img" ] || cp --sparse=always "$out/data.base" "$out/data.img"
  mkfifo "$run/ctl.in" "$run/ctl.out"
  trap '"$0" cut; exit 130' INT TERM
  # The data disk sits behind a write-back cache that only a flush empties, like a real drive's.
  nbdkit -P "$run/nbdkit.pid" -U "$run/data.sock" --filter=cache file "$out/data.img" cache=writeback
  data=driver=nbd,server.type=unix,server.path=$run/data.sock
  if [ -n "${RIG_LOG_WRITES:-}" ]; then
    cp --sparse=always "$out/data.img" "$out/data.before"
    rm -f "$out/data.log" && touch "$out/data.log"
    data=driver=blklogwrites,file.${data//,/,file.},log.driver=file,log.filename=$out/data.log
  fi
  modules=()   # a node_modules that is a link leads out of $repo: the guest gets what it points at
  if [ -L "$repo/node_modules" ]; then
    modules=(-virtfs "local,path=$(readlink -f "$repo/node_modules"),mount_tag=modules,security_model=none,readonly=on")
  fi
  # no_timer_check: on a busy machine the emulated timer is late for the kernel's test of how it is wired, which then panics.
  qemu-system-x86_64 -name vpi -machine q35 -accel tcg,thread=multi -cpu "${RIG_CPU:-Nehalem}" -smp 2 -m "${RIG_MEM:-512}" \
    -display none -nodefaults -no-reboot -serial "file:$run/console.log" \
    -kernel "$out/vmlinuz" -initrd "$out/initrd.gz" \
    -append "console=ttyS0 quiet mitigations=off panic=-1 no_timer_check systemd.show_status=0 ${RIG_APPEND:-}" \
    -blockdev "driver=qcow2,node-name=root,file.driver=file,file.filename=$out/root.qcow2" \
    -device virtio-blk-pci,drive=root -device virtio-blk-pci,drive=data \
    -blockdev "$data,node-name=data" \
    -virtfs "local,path=$run/share,mount_tag=rig,security_model=none" \
    -virtfs "local,path=$repo,mount_tag=repo,security_model=none,readonly=on" "${modules[@]}" \
    -device virtio-serial -chardev "pipe,id=ctl,path=$run/ctl" -device virtserialport,chardev=ctl,name=rig \
    -netdev user,id=net,ipv6=off -device virtio-net-pci,netdev=net,romfile= \
    -device virtio-rng-pci ${RIG_QEMU:-} >"$run/qemu.log" 2>&1 </dev/null &
  qemu=$!
  echo $qemu >"$run/qemu.pid"
  if [ -n "${RIG_OWNER:-}" ]; then
    (while kill -0 $qemu; do kill -0 "$RIG_OWNER" || "$0" cut; sleep 1; done) </dev/null >/dev/null 2>&1 &
  fi
  disown -a
  for _ in $(seq 1 $((10 * ${RIG_BOOT_TIMEOUT:-240}))); do
    [ -s "$run/share/ready" ] && { echo "up after $(cat "$run/share/ready") s of its own clock"; exit 0; }
    pid qemu >/dev/null || break
    sleep 0.1
  done
  echo "did not come up:" >&2; tail -n 20 "$run/qemu.log" "$run/console.log" >&2
  "$0" cut; exit 1 ;;
stop)
  "$here/run-in-guest" 'systemctl poweroff --no-block' || true
  gone qemu 600 || { echo "did not stop; cutting" >&2; "$0" cut; exit 1; }
  if p=$(pid nbdkit); then kill "$p"; gone nbdkit 100; fi ;;
cut)
  for n in qemu nbdkit; do
    if p=$(pid $n); then kill -KILL "$p"; gone $n 100; fi
  done ;;
torn)
  pid qemu >/dev/null && { echo "still up" >&2; exit 1; }
  node "$here/torn.mjs" "$out/data.before" "$out/data.log" "$out/data.img" "${2:?seed}" ${3:-} ;;
reset)
  pid qemu >/dev/null && { echo "still up" >&2; exit 1; }
  rm -f "$out/root.qcow2" "$out"/data.{img,before,log} ;;
status) pid qemu >/dev/null ;;
*) sed -n '2,11s/^# //p' "$0"; exit 2 ;;
esac

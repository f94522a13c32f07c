#!/bin/bash
# Builds the virtual Pi: kernel, initrd and root disk, under $RIG_OUT (default: out/), unless what is there was made
# from the same scripts, node and kernel. Needs root and apt; takes about a minute. Delete out/ to build from scratch.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${RIG_OUT:-$here/out}
work=$out/work
sources=${RIG_APT_SOURCES:-$(ls /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -1 || true)}
suite=${RIG_SUITE:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
step() { printf '[%4ds] %s\n' $SECONDS "$*"; }

export DEBIAN_FRONTEND=noninteractive
to_run=(qemu-system-x86 qemu-utils nbdkit)
to_build=(mmdebstrap e2fsprogs kmod cpio busybox-static build-essential)
latest_kernel() { apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/.*Depends: linux-image-//p' | head -1; }
can_run() { command -v qemu-system-x86_64 qemu-img nbdkit >/dev/null; }

# The inputs. A host whose package lists are empty knows no kernel version; the image's own then stands.
inputs=$(cd "$here" && sha256sum build-image.sh guest/{initrd-init,rig-agent,fstab,*.service,*.rules,*.conf} kernel/* |
  sha256sum | cut -c1-16)-$(node --version)-$suite
stamp=$out/stamp
if [ "$(sed -n 1p "$stamp" 2>/dev/null)" = "$inputs" ]; then
  kver=$(latest_kernel)
  if [ -z "$kver" ] || [ "$(sed -n 2p "$stamp")" = "$kver" ]; then
    can_run || { step "host packages"; apt-get update -qq; apt-get install -y -qq --no-install-recommends "${to_run[@]}" >/dev/null; }
    step "the image is current"
    exit 0
  fi
fi

if "$here/boot.sh" status; then echo "the board is up: boot.sh stop" >&2; exit 1; fi
rm -rf "$work" "$stamp" && mkdir -p "$work"
step "host packages"
apt-get update -qq
kver=$(latest_kernel)
apt-get install -y -qq --no-install-recommends "${to_run[@]}" "${to_build[@]}" "linux-headers-$kver" >"$work/apt.log"

step "kernel $kver and the vpi module"
(cd "$work" && chmod 755 . && apt-get download -qq "linux-image-$kver" 2>/dev/null && dpkg-deb -x linux-image-*.deb kernel)
cp "$work/kernel/boot/vmlinuz-$kver" "$out/vmlinuz"
cp "$work/kernel/boot/config-$kver" "$out/kernel-config"
modules=$work/kernel/lib/modules/$kver
for d in drivers/{gpu,media,infiniband,scsi,staging,ata,usb,hid,isdn,input,video,platform} arch sound net/{wireless,bluetooth,mac80211}; do
  rm -rf "${modules:?}/kernel/$d"
done
find "$modules/kernel/drivers/net" -type f ! -name virtio_net.ko ! -name net_failover.ko -delete
cp -r "$here/kernel" "$work/vpi"
make -s -C "/lib/modules/$kver/build" M="$work/vpi" modules >"$work/vpi.log" 2>&1 || { cat "$work/vpi.log"; exit 1; }
strip --strip-debug "$work/vpi/vpi.ko"
install -D -m 644 "$work/vpi/vpi.ko" "$modules/extra/vpi.ko"

step "root file system ($suite)"
grep -hsE '^Acquire::' /etc/apt/apt.conf.d/* >"$work/apt.conf" || true
mmdebstrap --quiet --mode=root --variant=minbase --aptopt="$work/apt.conf" \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --include=systemd-sysv,udev,dbus,kmod,libstdc++6,i2c-tools,gpiod,mosquitto,mosquitto-clients,procps,iproute2,systemd-timesyncd \
  "$suite" "$work/root" "$sources"
root=$work/root
# Beside timesyncd, which its package conflicts with: a test starts it. Its libraries are those that systemd and apt need.
mkdir -p "$work/chrony" "$root/opt" && chmod 755 "$work/chrony"
(cd "$work/chrony" && apt-get download -qq chrony 2>/dev/null && dpkg-deb -x chrony_*.deb "$root/opt/chrony")
chroot "$root" env LD_TRACE_LOADED_OBJECTS=1 /opt/chrony/usr/sbin/chronyd | grep 'not found' >&2 && exit 1
mkdir -p "$root/usr/lib/modules" && cp -a "$modules" "$root/usr/lib/modules/"
depmod -b "$root" "$kver"
install -m 755 "$(readlink -f "$(command -v node)")" "$root/usr/local/bin/node"
strip --strip-debug "$root/usr/local/bin/node"
install -m 755 "$here/guest/rig-agent" "$root/usr/local/sbin/rig-agent"
install -m 644 "$here"/guest/{rig-agent,rig-modules,rig-net,i2c-devices}.service "$root/etc/systemd/system/"
install -m 644 "$here/guest/fstab" "$root/etc/fstab"
install -m 644 "$here/guest/99-pi.rules" "$root/etc/udev/rules.d/"
install -m 644 "$here/guest/modules.conf" "$root/etc/modules-load.d/rig.conf"
install -m 644 "$here/guest/modprobe.conf" "$root/etc/modprobe.d/rig.conf"
mkdir -p "$root/rig" "$root/repo" "$root/data"
chroot "$root" groupadd -r gpio
echo rig >"$root/etc/hostname"
printf '127.0.0.1 localhost rig\n::1 localhost\n' >"$root/etc/hosts"
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"   # else the first boot enables every unit
systemctl --root="$root" -q enable rig-agent.service rig-modules.service i2c-devices.service
systemctl --root="$root" -q disable mosquitto.service systemd-timesyncd.service   # tests turn them on
systemctl --root="$root" -q mask systemd-random-seed.service getty@tty1.service e2scrub_reap.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer
systemctl --root="$root" -q set-default multi-user.target

step "disk images"
rm -f "$out"/{root,data}.* 
mke2fs -q -t ext4 -L root -d "$root" "$out/root.img" 1200M
truncate -s 256M "$work/data.img" && mke2fs -q -t ext4 -L data -E lazy_itable_init=0,lazy_journal_init=0 "$work/data.img"
mv "$work/data.img" "$out/data.base"

step "initrd"
ird=$work/initrd
mkdir -p "$ird"/{bin,dev,proc,sys,root,mod}
cp "$(command -v busybox)" "$ird/bin/busybox"
for m in virtio_pci virtio_blk ext4; do
  modprobe -d "$root" -S "$kver" --show-depends "$m" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r ko; do
  cp "$ko" "$ird/mod/"; basename "$ko" >>"$ird/mod/order"
done
install -m 755 "$here/guest/initrd-init" "$ird/init"
(cd "$ird" && find . | cpio --quiet -o -H newc | gzip -1) >"$out/initrd.gz"
rm -rf "$work"
printf '%s\n' "$inputs" "$kver" >"$stamp"
step "done: $(du -shc "$out"/{vmlinuz,initrd.gz,root.img,data.base} | tail -1 | cut -f1) in $out"

/**
 * `sedge doctor` against faults that only a real kernel, a real systemd and a real broker can have: each is found, and its fix,
 * followed to the letter, mends it.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attempt, eventually, guest, put, setChips, UP_TIMEOUT_MS, unavailable, up } from '../rig.ts';
import { installService, mountJournal, SEDGE, uninstall } from '../station.ts';
import { follow } from './follow.ts';
import { startTimeServer, TIMESYNCD_CONFIG, TIMESYNCD_CONFIG_PATH, type TimeServer } from './time-server.ts';

const DIRECTORY = '/root/faults';
const FILE = `${DIRECTORY}/sedge.yaml`;
const JOURNAL = '/data/faults/journal';
const UNIT_OF_TIME = 'systemd-timesyncd';

interface Parts {
  readonly air?: string;
  readonly lamp?: string;
  readonly journal?: string;
  readonly uplink?: string;
}
const config = ({
  air = '{ driver: bme280, every: 10s }',
  lamp = '{ driver: bh1750, every: 1m }',
  journal = `{ directory: ${JOURNAL}, max_size: 8MB }`,
  uplink = '{ type: mqtt, url: "mqtt://127.0.0.1:1883" }',
}: Parts = {}): string => `version: 1
device: faults
sensors:
  air: ${air}
  room: { driver: sht3x, address: 0x44, every: 10s }
  lamp: ${lamp}
  shock: { driver: sw420, line: 27, every: 10s }
journal: ${journal}
uplinks:
  cloud: ${uplink}
`;

interface Told {
  readonly check: string;
  readonly state: string;
  readonly message: string;
  readonly fix?: string;
}

interface Fault {
  readonly what: string;
  seed(): Promise<unknown>;
  readonly check: string;
  readonly says: RegExp;
  readonly fix: RegExp;
  /** What a person does who reads a fix that is no command and no edit. */
  hands?(fix: string): Promise<unknown>;
  undo?(): Promise<unknown>;
  /** Who asks; root unless named. */
  readonly as?: string;
}

const chips = async (faults: Parameters<typeof setChips>[0]) => {
  setChips(faults);
  // The fake chips look at their faults with the next transfer.
  await guest('sync');
};
const mosquitto = (lines: string) =>
  put('/etc/mosquitto/conf.d/faults.conf', lines).then(() => guest('systemctl restart mosquitto'));
const plainMosquitto = () => guest('rm -f /etc/mosquitto/conf.d/faults.conf; systemctl restart mosquitto');
/** A user like the first of a Raspberry Pi OS, in the groups that are named, with a configuration of its own. */
const somebody = (groups: string, journal: string) =>
  guest(`useradd -m somebody ${groups}
    mkdir -p /home/somebody/d && sed 's|^journal:.*|journal: ${journal}|' ${FILE} > /home/somebody/d/sedge.yaml
    chown -R somebody /home/somebody`);
const nobody = () => guest('userdel -r somebody 2>/dev/null; true');
const AT_HOME = '{ directory: /home/somebody/journal }';

const FAULTS: readonly Fault[] = [
  {
    what: 'a chip that does not answer',
    seed: () => chips({ silent: [0x76] }),
    check: 'sensors.air',
    says: /nothing acknowledges at 0x76 on bus 1/,
    fix: /VCC, GND, SDA and SCL of air are connected/,
    hands: () => chips({}),
  },
  {
    what: 'a chip at its other address',
    seed: () => put(FILE, config({ lamp: '{ driver: bh1750, address: 0x5c, every: 1m }' })),
    check: 'sensors.lamp',
    says: /nothing acknowledges at 0x5c on bus 1, but something answers at 0x23/,
    fix: /^set address: 0x23 for lamp in/,
  },
  {
    what: 'another chip than the configured one',
    seed: () => put(FILE, config({ air: '{ driver: bmp280, address: 0x76, every: 10s }' })),
    check: 'sensors.air',
    says: /BME280/,
    fix: /^set driver: bme280 for air in/,
  },
  {
    what: 'a chip that holds the clock line during its own transfers',
    seed: () => chips({ hang: [0x23] }),
    check: 'sensors.lamp',
    says: /the transfer with 0x23 on \/dev\/i2c-1 did not end/,
    fix: /cycle its power/,
    hands: () => chips({}),
  },
  {
    what: 'a bus that is stuck as a whole',
    seed: () => chips({ hang: [0x23, 0x44, 0x45, 0x53, 0x76] }),
    check: 'sensors',
    says: /bus 1 is stuck/,
    fix: /cut the power of its chips for 10 s/,
    hands: () => chips({}),
  },
  {
    what: 'a kernel driver on the address of a sensor',
    seed: () => guest('echo sht3x 0x44 > /sys/bus/i2c/devices/i2c-1/new_device && modprobe sht3x && sleep 1'),
    check: 'kernel.room',
    says: /the kernel driver sht3x holds 0x44 on bus 1/,
    fix: /^echo 1-0044 \| sudo tee \/sys\/bus\/i2c\/drivers\/sht3x\/unbind$/,
    undo: () => guest('echo 0x44 > /sys/bus/i2c/devices/i2c-1/delete_device; modprobe -r sht3x'),
  },
  {
    what: 'a bus without its device node',
    seed: () => guest('rmmod i2c-dev'),
    check: 'i2c.1',
    says: /the module i2c-dev is not loaded/,
    fix: /^sudo modprobe i2c-dev && echo i2c-dev/,
    undo: () => guest('modprobe i2c-dev; rm -f /etc/modules-load.d/i2c-dev.conf'),
  },
  {
    what: 'a bus that the board does not have',
    seed: () => put(FILE, config({ lamp: '{ driver: bh1750, bus: 7, every: 1m }' })),
    check: 'i2c.7',
    says: /\/dev\/i2c-7 is not there; this system has .*\/dev\/i2c-1/,
    fix: /^set bus: to the number of one of them$/,
    hands: () => put(FILE, config({ lamp: '{ driver: bh1750, bus: 1, every: 1m }' })),
  },
  {
    what: 'a line that another program holds',
    seed: () => guest('systemd-run --quiet --unit=holder gpiomon gpiochip0 27; sleep 1'),
    check: 'sensors.shock',
    says: /line 27 is used by gpiomon/,
    fix: /^end gpiomon, or/,
    hands: () => guest('systemctl stop holder'),
    undo: () => attempt('systemctl stop holder'),
  },
  {
    what: 'a user outside of the group i2c',
    as: 'somebody',
    seed: () => somebody('-G gpio', AT_HOME),
    check: 'i2c.1',
    says: /^somebody may not use \/dev\/i2c-1$/,
    fix: /^sudo usermod -aG i2c somebody/,
    undo: nobody,
  },
  {
    what: 'a user outside of the group gpio',
    as: 'somebody',
    seed: () => somebody('-G i2c', AT_HOME),
    check: 'gpio',
    says: /.*/,
    fix: /^sudo usermod -aG gpio somebody/,
    undo: nobody,
  },
  {
    what: 'a bus that belongs to root, on a system without rules for it',
    as: 'somebody',
    seed: async () => {
      await somebody('-G gpio', AT_HOME);
      await guest(`mv /etc/udev/rules.d/99-pi.rules /root/
        groupmod -n i2c-before i2c; udevadm control --reload; chown root:root /dev/i2c-1; chmod 600 /dev/i2c-1`);
    },
    check: 'i2c.1',
    says: /^somebody may not use \/dev\/i2c-1$/,
    fix: /^sudo groupadd -f i2c && echo 'SUBSYSTEM=="i2c-dev"/,
    undo: async () => {
      await nobody();
      await guest(`rm -f /etc/udev/rules.d/60-sedge.rules; groupdel i2c; groupmod -n i2c i2c-before
        mv /root/99-pi.rules /etc/udev/rules.d/; udevadm control --reload; udevadm trigger; udevadm settle`);
    },
  },
  {
    what: 'a journal directory that is another user’s',
    as: 'somebody',
    seed: async () => {
      await somebody('-G i2c,gpio', '{ directory: /var/lib/station }');
      await guest('mkdir -m 700 /var/lib/station');
    },
    check: 'storage',
    says: /^somebody may not write to \/var\/lib\/station/,
    fix: /^sudo mkdir -p \/var\/lib\/station && sudo chown somebody/,
    undo: async () => {
      await nobody();
      await guest('rm -rf /var/lib/station');
    },
  },
  {
    what: 'a file where the journal is to be',
    seed: () => guest('rm -rf /data/faults && mkdir /data/faults && touch /data/faults/journal'),
    check: 'storage',
    says: /\/data\/faults\/journal is no directory/,
    fix: /^sudo mv \/data\/faults\/journal \/data\/faults\/journal\.old$/,
    undo: () => guest('rm -rf /data/faults'),
  },
  {
    what: 'a card that the kernel has made read-only',
    seed: () => guest('sync; mount -o remount,ro /data'),
    check: 'storage',
    says: /the file system of \/data is read-only/,
    fix: /sudo mount -o remount,rw \/data/,
    undo: () => guest('mount -o remount,rw /data'),
  },
  {
    what: 'a disk that is full',
    seed: async () => {
      await put(FILE, config({ journal: `{ directory: ${DIRECTORY}/journal, max_size: 8MB }` }));
      await guest(`mkdir -p /var/cache/apt/archives && sync
        fallocate -l $(( $(df -B1 --output=avail / | tail -1) - 2000000 )) /var/cache/apt/archives/large_1_amd64.deb`);
    },
    check: 'storage',
    says: /free: no room for a journal/,
    fix: /^sudo apt clean && sudo journalctl --vacuum-size=50M$/,
    undo: () => guest('rm -f /var/cache/apt/archives/*.deb'),
  },
  {
    what: 'a journal that is to be larger than its disk',
    seed: () => put(FILE, config({ journal: `{ directory: ${JOURNAL}, max_size: 4GB }` })),
    check: 'storage',
    says: /journal\.max_size is 4000 MB, but .* has room for/,
    fix: /^set journal: \{ max_size: \d+MB \}/,
  },
  {
    what: 'a journal in memory',
    seed: () => put(FILE, config({ journal: '{ directory: /run/journal, max_size: 8MB }' })),
    check: 'storage',
    says: /is in memory: the journal does not survive a power cut/,
    fix: /^set journal: \{ directory: \/var\/lib\/sedge \}$/,
  },
  {
    what: 'a broker that does not run',
    seed: () => guest('systemctl stop mosquitto'),
    check: 'uplinks.cloud',
    says: /nothing listens at 127\.0\.0\.1:1883/,
    fix: /on the broker: sudo systemctl restart mosquitto/,
    hands: () => guest('systemctl restart mosquitto'),
  },
  {
    what: 'a broker whose name is wrong',
    seed: async () => {
      // Without a name server glibc says "try again"; with this line it knows that there is none.
      await guest("cp /etc/nsswitch.conf /root/ && sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf");
      await put(FILE, config({ uplink: '{ type: mqtt, url: "mqtt://localhots:1883" }' }));
    },
    check: 'uplinks.cloud',
    says: /the name localhots is not known/,
    fix: /^correct the host in url:/,
    hands: () => put(FILE, config({ uplink: '{ type: mqtt, url: "mqtt://localhost:1883" }' })),
    undo: () => guest('cp /root/nsswitch.conf /etc/'),
  },
  {
    what: 'a login that the broker refuses',
    seed: async () => {
      await guest(
        'rm -f /etc/mosquitto/pw; mosquitto_passwd -b -c /etc/mosquitto/pw u right; chmod 644 /etc/mosquitto/pw',
      );
      await mosquitto('allow_anonymous false\npassword_file /etc/mosquitto/pw\nlistener 1883 127.0.0.1\n');
      await put(`${DIRECTORY}/password`, 'wrong\n');
      await guest(`chmod 600 ${DIRECTORY}/password`);
      await put(
        FILE,
        config({
          uplink: `{ type: mqtt, url: "mqtt://127.0.0.1:1883", username: u, password_file: ${DIRECTORY}/password }`,
        }),
      );
    },
    check: 'uplinks.cloud',
    says: /does not (accept|authorise)/,
    fix: /check username and password_file|check username, password_file/,
    hands: () => put(`${DIRECTORY}/password`, 'right\n'),
    undo: plainMosquitto,
  },
  {
    what: 'access rules of the broker that forbid our topics',
    seed: async () => {
      await put('/etc/mosquitto/acl', 'topic readwrite elsewhere/#\n');
      await mosquitto('listener 1883 127.0.0.1\nallow_anonymous true\nacl_file /etc/mosquitto/acl\n');
      await guest('chmod 644 /etc/mosquitto/acl');
    },
    check: 'uplinks.cloud',
    says: /sedge\/faults\/doctor/,
    fix: /^add "topic (write|readwrite) sedge\/faults\/#"/,
    async hands(fix) {
      await guest(`echo '${/"(.*?)"/.exec(fix)![1]!.replace('topic write', 'topic readwrite')}' >> /etc/mosquitto/acl
        systemctl restart mosquitto`);
    },
    undo: plainMosquitto,
  },
  {
    what: 'a password that every user may read',
    seed: async () => {
      await put(`${DIRECTORY}/password`, 'x\n');
      await guest(`chmod 644 ${DIRECTORY}/password`);
      await put(
        FILE,
        config({
          uplink: `{ type: mqtt, url: "mqtt://127.0.0.1:1883", username: u, password_file: ${DIRECTORY}/password }`,
        }),
      );
    },
    check: 'configuration',
    says: /password holds a password and every user may read it/,
    fix: /^chmod 600 /,
  },
  {
    what: 'a configuration that every user may change',
    seed: () => guest(`chmod 666 ${FILE}`),
    check: 'configuration',
    says: /every user may change/,
    fix: /^sudo chmod o-w /,
  },
  {
    what: 'a misspelt key',
    seed: () => put(FILE, config({ air: '{ driver: bme280, evry: 10s }' })),
    check: 'configuration',
    says: /sedge\.yaml:4:26: sensors\.air\.evry: .*every/,
    fix: /^correct .* in line 4, then sedge check/,
    hands: () => put(FILE, config()),
  },
  {
    what: 'a clock that was never set',
    seed: async () => {
      await put(TIMESYNCD_CONFIG_PATH, TIMESYNCD_CONFIG);
      // What timesyncd remembers would set it to the last time it knew.
      await guest(`timedatectl set-ntp false; rm -f /var/lib/systemd/timesync/clock; date -s '1970-01-02'`);
    },
    check: 'clock',
    says: /the clock says 1970-01-02T.*before this program was built/,
    fix: /^sudo timedatectl set-ntp true {3}\(/,
    undo: async () => {
      await guest(`timedatectl set-ntp false; date -s @${Math.floor(Date.now() / 1000)}; rm -f ${TIMESYNCD_CONFIG_PATH}
        rm -rf /run/systemd/timesync`);
    },
  },
];

const reason = unavailable();

async function doctor(as?: string): Promise<{ readonly status: number; readonly told: readonly Told[] }> {
  const command =
    as === undefined
      ? `cd ${DIRECTORY} && ${SEDGE} doctor --json`
      : `su ${as} -c 'cd /home/${as}/d && ${SEDGE} doctor --json'`;
  const { status, stdout, stderr } = await attempt(command);
  expect(stdout, stderr).not.toBe('');
  return { status, told: (JSON.parse(stdout) as Told[]).filter(({ state }) => state !== 'ok') };
}

describe.skipIf(reason !== undefined)(`a seeded fault${reason === undefined ? '' : ` (${reason})`}`, () => {
  let time: TimeServer | undefined;
  beforeAll(async () => {
    time = await startTimeServer();
    await up();
    await guest('systemctl start rig-net mosquitto');
  }, UP_TIMEOUT_MS);
  afterAll(async () => {
    await time?.close();
    if (reason === undefined)
      await guest(`systemctl stop mosquitto rig-net ${UNIT_OF_TIME}; rm -rf ${DIRECTORY} /data/faults`);
  }, 120_000);
  beforeEach(async () => {
    await put(FILE, config());
    await guest(`chmod 644 ${FILE}`);
  });
  afterEach(() => setChips({}));

  it('is not there: nothing is told', async () => expect(await doctor()).toEqual({ status: 0, told: [] }));

  it.each(FAULTS)('$what: is found, and the fix mends it', async ({ seed, check, says, fix, hands, undo, as }) => {
    try {
      await seed();
      const { told } = await doctor(as);
      const found = told.find((one) => one.check === check);
      expect(found, JSON.stringify(told)).toMatchObject({
        message: expect.stringMatching(says),
        fix: expect.stringMatching(fix),
      });
      await (hands ? hands(found!.fix!) : follow(found!.fix!, FILE));
      const still = await eventually('the fault is gone', 60, async () => {
        const left = (await doctor(as)).told.filter((one) => one.check === check);
        if (left.length > 0) throw new Error(JSON.stringify(left));
        return left;
      });
      expect(still).toEqual([]);
    } finally {
      await undo?.();
    }
  });
});

const ETC = '/etc/sedge/sedge.yaml';
const SERVICE_CONFIG = config({ journal: '{ directory: /var/lib/sedge, max_size: 8MB }' });

/** Of the installed service; who asks is root, with the command that the installation put on the path. */
const SERVICE_FAULTS: readonly Fault[] = [
  {
    what: 'that failed for its configuration',
    seed: async () => {
      await put(ETC, SERVICE_CONFIG.replace('every: 1m', 'evry: 1m'));
      await attempt('systemctl restart sedge');
    },
    check: 'service',
    says: /the service failed: exit status 78/,
    fix: /^sudo sedge check --config \/etc\/sedge\/sedge\.yaml, correct what it says, then sudo systemctl start sedge$/,
    async hands() {
      expect((await attempt(`sedge check --config ${ETC}`)).stderr).toMatch(/did you mean `every`/);
      await put(ETC, SERVICE_CONFIG);
      await guest('systemctl start sedge', 180);
    },
  },
  {
    what: 'that does not start at boot',
    seed: () => guest('systemctl disable --quiet sedge'),
    check: 'service',
    says: /does not start at boot/,
    fix: /^sudo systemctl enable sedge$/,
  },
  {
    what: 'that somebody stopped',
    seed: () => guest('systemctl stop sedge', 60),
    check: 'service',
    says: /the service is inactive/,
    fix: /^sudo systemctl start sedge$/,
  },
  {
    what: 'whose configuration its user may not read',
    seed: () => guest(`chown root:root ${ETC} && chmod 600 ${ETC}`),
    check: 'configuration',
    says: /the service's user sedge may not read/,
    fix: /^sudo chgrp sedge \/etc\/sedge\/sedge\.yaml && sudo chmod 640/,
  },
  {
    what: 'one of whose chips was unplugged',
    seed: async () => {
      setChips({ silent: [0x76] });
      await eventually('the service has noticed', 120, async () =>
        (await guest('sedge status --json')).includes('bus.nack') ? true : undefined,
      );
    },
    check: 'sensors.air',
    says: /offline in the running service: nothing acknowledges at 0x76/,
    fix: /check/,
    hands: async () => setChips({}),
  },
];

describe.skipIf(reason !== undefined)(`a service${reason === undefined ? '' : ` (${reason})`}`, () => {
  beforeAll(async () => {
    await up();
    await guest('systemctl start mosquitto');
    await mountJournal();
    await installService(SERVICE_CONFIG);
  }, UP_TIMEOUT_MS);
  afterAll(async () => {
    if (reason === undefined) await uninstall();
  }, 180_000);
  afterEach(() => setChips({}));

  it.each(SERVICE_FAULTS)('$what: is found, and the fix mends it', async ({ seed, check, says, fix, hands }) => {
    const ask = async () => {
      const { stdout, stderr } = await attempt('sedge doctor --json');
      expect(stdout, stderr).not.toBe('');
      return (JSON.parse(stdout) as Told[]).filter((one) => one.state !== 'ok' && one.check === check);
    };
    await seed();
    const told = await ask();
    const found = told.find(({ message }) => says.test(message));
    expect(found, JSON.stringify(told)).toMatchObject({ fix: expect.stringMatching(fix) });
    await (hands ? hands(found!.fix!) : follow(found!.fix!, ETC));
    await eventually('the fault is gone', 120, async () => {
      const left = (await ask()).filter(({ message }) => says.test(message));
      if (left.length > 0) throw new Error(JSON.stringify(left));
      return true;
    });
  });
});

/**
 * The outer contract of `sedge check`: where each sort of mistake is reported, under which path, and that one mistake is
 * one line. Each case is a file; `^` cases are counted by hand.
 */
import { describe, expect, it } from 'vitest';
import { configOf, oneSensor, problemsOf } from './help.ts';

/** A sensor on line 3; `s: { ` puts its first key at column 8 and its mapping at column 6. */
const sensor = (keys: string) => problemsOf(oneSensor(keys));
const uplink = (keys: string) => problemsOf(`version: 1\nuplinks:\n  c: { type: mqtt, ${keys} }\n`);

describe('where a problem is', () => {
  it.each([
    ['an unknown key: the key', 'version: 1\ncolour: red\n', '2:1: colour: unknown key'],
    [
      'a duplicate key: the later key',
      'version: 1\nsensors: {}\nversion: 1\n',
      '3:1: version: this key is given twice',
    ],
    ['a wrong value: the value', 'version: 1\ndevice: Shed\n', '2:9: device: `Shed` is not an id'],
    ['something missing at the top: the mapping', '# a comment\n\nsensors: {}\n', '3:1: version: is missing'],
    ['everything missing: the beginning', '', '1:1: version: is missing'],
    [
      'an id that is not allowed: the key',
      'version: 1\nsensors:\n  Air: { driver: host, every: 1m }\n',
      '3:3: sensors.Air: is not an id',
    ],
    [
      'an id of an uplink',
      'version: 1\nuplinks:\n  My: { type: mqtt, url: "mqtt://b" }\n',
      '3:3: uplinks.My: is not an id',
    ],
    [
      'something missing in a block: its first key',
      'version: 1\nsensors:\n  air:\n    every: 1s\n',
      '4:5: sensors.air.driver: is missing',
    ],
    ['a list where a mapping belongs', 'version: 1\nsensors: [ air ]\n', '2:10: sensors: a list stands where'],
    ['a file that is no mapping', '- air\n', '1:1: a list stands where'],
    [
      'a wrong value in a list',
      oneSensor('driver: host, every: 1m, filters: { load: [ { median: 1 } ] }'),
      '3:62: sensors.s.filters.load[0].median: `1` is out of range: 2 to 1000',
    ],
  ])('%s', async (_what, text, expected) => {
    const problems = await problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it('names the file as given', async () => {
    const result = await import('../../src/config/load.ts').then(({ parseConfig, formatProblem }) =>
      parseConfig('version: 2\n', { file: '../x/my.yaml', env: {}, cwd: '/a', drivers: {}, hostname: 'h' }).then(
        (one) => ('problems' in one ? one.problems.map(formatProblem) : []),
      ),
    );
    expect(result).toEqual(['../x/my.yaml:1:10: version: `2` is not possible: write 1']);
  });

  it('counts columns behind a byte order mark and in files with CR LF', async () => {
    expect(await problemsOf('version: 1\r\ndevice: Shed\r\n')).toEqual([expect.stringMatching(/^2:9: device: /)]);
  });
});

describe('one mistake is one line', () => {
  it.each([
    ['a misspelt required key', 'verison: 1\n', /^1:1: verison: unknown key: did you mean `version`\?$/],
    ['a misspelt driver', oneSensor('drvier: bme280, every: 1s'), /^3:8: sensors\.s\.drvier: .*`driver`/],
    ['a misspelt schedule', oneSensor('driver: bme280, evry: 1s'), /^3:24: sensors\.s\.evry: .*`every`/],
    ["another program's word", oneSensor('driver: bme280, interval: 1s'), /`every`/],
    ['a misspelt driver name', oneSensor('driver: bme208, every: 1s, options: { heater: true }'), /^3:16: .*`bme280`/],
    [
      'a misspelt url',
      'version: 1\nuplinks:\n  c: { type: mqtt, ulr: "mqtt://b" }\n',
      /^3:20: uplinks\.c\.ulr: .*`url`/,
    ],
    [
      'a key of another sort, near one that names a file and needs a third',
      'version: 1\nuplinks:\n  c: { type: mqtt, url: "mqtt://127.0.0.1", token_file: nope }\n',
      /^3:45: uplinks\.c\.token_file: .*`key_file`/,
    ],
    [
      'an uplink of an unknown sort',
      'version: 1\nuplinks:\n  c: { type: kafka, url: "https://b/x", token: y }\n',
      /^3:14: uplinks\.c\.type/,
    ],
    [
      'a wrong driver and what only it could judge',
      oneSensor('driver: bmx, options: { x: 1 }, filters: { y: [ { offset: 1 } ] }'),
      /^3:16: /,
    ],
    [
      'a heartbeat without delta',
      oneSensor('driver: host, every: 1s, filters: { load: [ { heartbeat: 1m } ] }'),
      /delta: is missing/,
    ],
  ])('%s', async (_what, text, expected) => {
    const problems = await problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  it('and many mistakes are all told at once, in the order of the file', async () => {
    const problems = await problemsOf(
      [
        'version: 2',
        'device: Shed',
        'sensors:',
        '  air: { driver: bme280, every: 10 }',
        '  lamp: { driver: bme281, every: 1s, addres: 0x23 }',
        'journal: { max_size: 1MB, when_full: explode }',
        'uplinks:',
        '  cloud: { type: mqtt, url: broker, password: x, username: u, topics: { prefix: a/# } }',
      ].join('\n'),
    );
    expect(problems.map((line) => line.split(': ').slice(0, 2).join(': '))).toEqual([
      '1:10: version',
      '2:9: device',
      '4:33: sensors.air.every',
      '5:19: sensors.lamp.driver',
      '5:38: sensors.lamp.addres',
      '6:22: journal.max_size',
      '6:38: journal.when_full',
      '8:29: uplinks.cloud.url',
      '8:81: uplinks.cloud.topics.prefix',
    ]);
  });
});

describe('a schedule', () => {
  it('is missing also while an option is wrong', async () =>
    expect(await sensor('driver: adxl345, options: { mode: brust }')).toEqual([
      expect.stringContaining('3:6: sensors.s: one of `every` and `cron` is missing'),
      expect.stringContaining('did you mean `burst`?'),
    ]));
  it('of a polled sensor is exactly one of every and cron', async () => {
    expect(await sensor('driver: bme280')).toEqual(['3:6: sensors.s: one of `every` and `cron` is missing']);
    expect(await sensor('driver: bme280, every: 1s, cron: "* * * * *"')).toEqual([
      '3:41: sensors.s.cron: `cron` and `every` exclude each other: keep one of them',
    ]);
    expect(await sensor('driver: bme280, cron: "* * * * *", every: 1s')).toEqual([
      '3:50: sensors.s.every: `every` and `cron` exclude each other: keep one of them',
    ]);
  });
  it('is needed by a counter and impossible for an event', async () => {
    expect(await sensor('driver: sw420, line: 27')).toEqual([expect.stringContaining('3:6: sensors.s: one of')]);
    expect(await sensor('driver: gpio-input, line: 17, every: 1s')).toEqual([
      expect.stringContaining('3:38: sensors.s.every: `every` does not belong here'),
    ]);
  });
  it.each([
    ['* * * *', /5 fields/],
    ['* * * * * * *', /5 fields/],
    ['@hourly', /5 fields/],
    ['61 * * * *', /its minute is not possible/],
    ['* * 30 2 *', /its day is not possible/],
    ['', /5 fields/],
  ])('refuses the cron expression %j', async (cron, expected) => {
    const problems = await sensor(`driver: bme280, cron: "${cron}"`);
    expect(problems).toEqual([expect.stringMatching(/^3:30: sensors\.s\.cron: is not a cron expression/)]);
    expect(problems[0]).toMatch(expected);
  });
  it('has a time zone that is known', async () => {
    expect(await sensor('driver: bme280, cron: "* * * * *", timezone: Mars/Base')).toEqual([
      expect.stringMatching(/^3:53: sensors\.s\.timezone: `Mars\/Base` is not a time zone/),
    ]);
  });
  it('takes offset and align only with every, and time zone only with cron', async () => {
    expect(await sensor('driver: bme280, cron: "* * * * *", align: true')).toHaveLength(1);
    expect(await sensor('driver: bme280, cron: "* * * * *", offset: 5s')).toHaveLength(1);
    expect(await sensor('driver: bme280, every: 1s, timezone: UTC')).toHaveLength(1);
  });
  it('has a jitter and an offset shorter than itself', async () => {
    expect(await sensor('driver: bme280, every: 1s, jitter: 1s')).toEqual([
      '3:43: sensors.s.jitter: must be shorter than `every`, which is 1s',
    ]);
  });
});

describe('values', () => {
  const wait = (value: string) => sensor(`driver: bme280, every: 1m, options: { wait: ${value} }`);
  it.each([
    ['10', '`10` needs a unit: write 10s'],
    ['"10"', '`10` needs a unit: write 10s'],
    ['10 s', '`10 s` is not written as a duration is: write 10s'],
    ['1sec', '`1sec` is not written as a duration is: write 1s'],
    ['5S', '`5S` is not written as a duration is: write 5s'],
    ['soon', '`soon` is not a duration: write 500ms, 10s, 5m, 1h or 1d'],
    ['-10s', '`-10s` is not a duration'],
    ['5ms', '`5ms` is out of range: 10ms to 1s is possible'],
    ['true', '`true` is not a duration'],
    ['', 'the value has no value'],
    ['[ 10s ]', 'is a list, and a duration'],
  ])('a duration is not %s', async (value, expected) => {
    expect(await wait(value)).toEqual([expect.stringContaining(`sensors.s.options.wait: ${expected}`)]);
  });

  const size = (value: string) => problemsOf(`version: 1\njournal: { max_size: ${value} }\n`);
  it.each([
    ['512', '`512` needs a unit: write 512MB'],
    ['64mb', '`64mb` is not written as a size is: write 64MB'],
    ['64MiB', '`64MiB` is not written as a size is: write 64MB'],
    ['3MB', '`3MB` is out of range: at least 4MB is possible'],
  ])('a size is not %s', async (value, expected) => {
    expect(await size(value)).toEqual([`2:22: journal.max_size: ${expected}`]);
  });

  it.each([
    ['oversampling: 3', '`3` is not one of 1, 2, 4'],
    ['oversampling: "2"', '`2` is text: write 2 without quotes'],
    ['gain: 11', '`11` is out of range: 0 to 10'],
    ['gain: "1"', '`1` is text in quotes, and a number is expected: write 1 without quotes'],
    ['gain: .nan', '`.nan` is not a finite number'],
    ['heater: yes', '`yes` is text: write true'],
    ['label: 1234', 'the value is a number, and text is expected: quote it'],
    ['label: true', 'the value is true or false, and text is expected: quote it'],
    ['hetaer: true', 'unknown key: did you mean `heater`?'],
  ])('an option is not %s', async (option, expected) => {
    const problems = await sensor(`driver: bme280, every: 1m, options: { ${option} }`);
    expect(problems).toEqual([expect.stringContaining(expected)]);
  });

  it('options that only the driver can judge together are judged by it', async () => {
    const options = 'mode: burst, rate: 1.6kHz, window: 10s';
    expect(await sensor(`driver: adxl345, every: 1m, options: { ${options} }`)).toEqual([
      '3:45: sensors.s.options: do not go together: a burst has at most 4000 samples',
    ]);
  });
});

describe('a place', () => {
  it('is an address that the chip can have', async () => {
    expect(await sensor('driver: bme280, address: 0x23, every: 1s')).toEqual([
      '3:33: sensors.s.address: `0x23` is not an address that this chip can have: write 0x76 or 0x77',
    ]);
    expect(await sensor('driver: bme280, address: "0x76", every: 1s')).toEqual([
      expect.stringContaining('write 0x76 without quotes'),
    ]);
  });
  it('fits the bus of the driver', async () => {
    expect(await sensor('driver: bme280, line: 17, every: 1s')).toEqual([
      expect.stringContaining('3:24: sensors.s.line: `line` does not belong here: it is for drivers on GPIO'),
    ]);
    expect(await sensor('driver: sw420, line: 17, bus: 1, every: 1s')).toEqual([
      expect.stringContaining('3:33: sensors.s.bus: `bus` does not belong here'),
    ]);
    expect(await sensor('driver: sw420, every: 1s')).toEqual(['3:6: sensors.s.line: is missing: add `line:`']);
  });
  it('behind a multiplexer has its address and its channel', async () => {
    const behind = (bus: string) => sensor(`driver: bme280, every: 1s, bus: { ${bus} }`);
    expect(await behind('on: 1, mux: 0x70')).toEqual(['3:40: sensors.s.bus.channel: is missing: `mux` needs it']);
    expect(await behind('mux: 0x60, channel: 1')).toEqual([expect.stringContaining('`0x60` is not an address')]);
    expect(await behind('mux: 0x70, channel: 8')).toEqual([expect.stringContaining('0 to 7')]);
  });

  const two = (a: string, b: string) =>
    problemsOf(`version: 1\nsensors:\n  a: { every: 1s, ${a} }\n  b: { every: 1s, ${b} }\n`);
  it.each([
    ['driver: bme280', 'driver: bme280, address: 118'],
    ['driver: sht4x, bus: 2', 'driver: sht4x, bus: { on: 2 }'],
    ['driver: sht4x, bus: { mux: 0x70, channel: 1 }', 'driver: sht4x, bus: { on: 1, mux: 0x70, channel: 1 }'],
    ['driver: sw420, line: 4', 'driver: sw420, line: 4'],
    ['driver: ds18b20, address: 28-1', 'driver: ds18b20, address: 28-1'],
  ])('holds one sensor: %s', async (a, b) => {
    expect(await two(a, b)).toEqual([expect.stringMatching(/^4:6: sensors\.b: is at the same place as `a`/)]);
  });
  it.each([
    ['driver: bme280', 'driver: bme280, address: 0x77'],
    ['driver: sht4x, bus: 1', 'driver: sht4x, bus: 2'],
    ['driver: sht4x, bus: { mux: 0x70, channel: 1 }', 'driver: sht4x, bus: { mux: 0x70, channel: 2 }'],
    ['driver: sht4x, bus: { mux: 0x70, channel: 1 }', 'driver: sht4x'],
    ['driver: host', 'driver: host'],
    ['driver: mock', 'driver: mock'],
  ])('differs: %s and %s', async (a, b) => expect(await two(a, b)).toEqual([]));
});

describe('an uplink', () => {
  it('has one password, of one user', async () => {
    expect(await uplink('url: "mqtt://b", username: u, password: p, password_file: q')).toEqual([
      '3:78: uplinks.c.password_file: `password_file` and `password` exclude each other: keep one of them',
    ]);
    expect(await uplink('url: "mqtt://b", password: p')).toEqual([
      '3:6: uplinks.c.username: is missing: `password` needs it',
    ]);
  });
  it.each([
    ['broker:1883', 'does not begin with mqtts://, mqtt://, wss:// or ws://'],
    ['http://b', 'does not begin with'],
    ['wss://b/mqtt#part', 'goes on behind'],
    ['mqtt://b/topic', 'topics are set with `topics`'],
    ['mqtt://', 'names no host'],
  ])('is not at %s', async (url, expected) => {
    expect(await uplink(`url: "${url}"`)).toEqual([expect.stringContaining(expected)]);
  });
  it.each(['a/+/b', 'a/#', '"#"', '/a', 'a/', '""'])('has no topic %s', async (topic) => {
    expect(await uplink(`url: "mqtt://b", topics: { state: ${topic} }`)).toEqual([
      expect.stringMatching(/^3:54: uplinks\.c\.topics\.state: /),
    ]);
  });
  it('cannot do without a prefix', async () =>
    expect(await uplink('url: "mqtt://b", topics: { prefix: false }')).toHaveLength(1));
});

describe('YAML itself', () => {
  it.each([
    ['version: 1\ndevice: "shed\n', 3],
    ['version: 1\n\tdevice: shed\n', 2],
    ['version: 1\nsensors:\n  air: { driver: host\n', 4],
    ['version: 1\ndevice: a: b\n', 2],
    ['version: 1\n---\nversion: 1\n', 2],
    ['version: 1\nsensors\n', 2],
    ['version: 1\ndevice: @shed\n', 2],
    ['version: 1\ndevice: !secret shed\n', 2],
    ['  version: 1\ndevice: shed\nsensors: {}\njournal: {}\n', 2],
  ])('%j has one problem, without a path', async (text, line) => {
    const problems = await problemsOf(text);
    expect(problems).toHaveLength(1);
    // A colon in the sentence would make its beginning look like a path.
    expect(problems[0]).toMatch(new RegExp(`^${line}:[0-9]+: [^:]+$`));
  });
  it('tells how to write a cron expression, at the value', async () => {
    expect(await sensor('driver: bme280, cron: */5 * * * *')).toEqual([
      '3:30: a value that begins with * must be in quotes',
    ]);
    expect(await problemsOf('version: 1\nsensors:\n  s:\n    driver: bme280\n    cron: * * * * *\n')).toEqual([
      '5:11: a value that begins with * must be in quotes',
    ]);
  });
  it('knows version 1.2 only: on and yes are words, 0x76 is a number', async () => {
    const { sensors } = await configOf(oneSensor('driver: bme280, address: 0x76, every: 1s, name: on'));
    expect(sensors[0]).toMatchObject({ name: 'on', place: { address: 0x76 } });
  });
  it('may use anchors', async () => {
    const text = 'version: 1\nsensors:\n  a: { driver: host, every: &e 5m }\n  b: { driver: mock, every: *e }\n';
    expect((await configOf(text)).sensors[1]!.schedule).toMatchObject({ everyMs: 300_000 });
  });
});

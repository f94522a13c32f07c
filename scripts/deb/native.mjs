/**
 * The packages with native code, for one processor and some versions of Node: exactly those of the lockfile, with what they
 * need to run and nothing else.
 *
 * An addon lies where the package `bindings` looks for the Node that runs: lib/binding/node-v<ABI>-linux-<arch>/. Those that
 * `npm ci` compiled here are taken when they are for the wanted Node and processor; others are compiled, with a compiler for
 * that processor, and loaded once, under emulation if need be.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { PROGRAM } from './tree.mjs';

/** What is loaded outside of the bundle, see NATIVE in scripts/build.mjs. */
const NATIVE = ['i2c-bus', 'onoff', 'node-unix-socket'];
/** Headers for the compiler. */
const BUILD_ONLY = ['nan'];
/** Packages with a binding.gyp, and the name of what it makes. */
const ADDONS = { 'i2c-bus': 'i2c', epoll: 'epoll' };
/** process.versions.modules of each major version, and a release to take headers and, for a test, the program from. */
const NODES = {
  20: { abi: 115, release: '20.20.2' },
  22: { abi: 127, release: '22.23.3' },
  24: { abi: 137, release: '24.22.0' },
};
const CPU = { amd64: 'x64', arm64: 'arm64' };
const CROSS = {
  amd64: { prefix: 'x86_64-linux-gnu-', emulator: ['qemu-x86_64-static', '-L', '/usr/x86_64-linux-gnu'] },
  arm64: { prefix: 'aarch64-linux-gnu-', emulator: ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'] },
};
/** Needed to run; sources, tests and documents are not. Licences go into the copyright file. */
const isNeeded = (name) =>
  !/^(\..*|src|test|example|examples|integration-test|doc|build|binding\.gyp|.*\.(md|d\.ts|map|c|cc|h|toml)|(jest|ts)config.*|licen[cs]e.*)$/i.test(
    name,
  );

const manifestOf = (directory) => JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
const run = (program, args, options = {}) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });

/** Copies the packages into the tree; gives the licence of each. */
export async function addNativePackages({ root, tree, work, arch, majors, host, say }) {
  const modules = arch === host ? join(root, 'node_modules') : installed({ root, work, cpu: CPU[arch] });
  const target = join(tree, PROGRAM, 'node_modules');
  const names = closure(modules, NATIVE);
  for (const name of names) {
    const from = join(modules, name);
    const filter = (path) => path === from || isNeeded(basename(path));
    cpSync(from, join(target, name), { recursive: true, dereference: true, filter });
  }
  if (!names.some((name) => name.startsWith('node-unix-socket-')))
    say(`${arch}: node-unix-socket has no binary at hand; systemd is told through systemd-notify`);
  const { prefix } = CROSS[arch];
  const strip = arch === host ? 'strip' : `${prefix}strip`;
  for (const major of majors) {
    const node = NODES[major];
    if (!node) throw new Error(`--node knows ${Object.keys(NODES).join(', ')}, not ${major}`);
    const isInstalled = arch === host && String(node.abi) === process.versions.modules;
    for (const [name, binding] of Object.entries(ADDONS)) {
      const built = isInstalled
        ? join(modules, name, 'build/Release', `${binding}.node`)
        : compiled({ root, work, modules, name, binding, arch, host, node });
      const place = join(target, name, 'lib/binding', `node-v${node.abi}-linux-${CPU[arch]}`, `${binding}.node`);
      mkdirSync(dirname(place), { recursive: true });
      cpSync(built, place, { dereference: true });
    }
    if (!isInstalled) say(`${arch}: ${loaded({ work, target, arch, host, node })}`);
  }
  for (const file of readdirSync(target, { recursive: true }).map((name) => join(target, name))) {
    if (!file.endsWith('.node')) continue;
    run(strip, ['--strip-unneeded', '--remove-section=.comment', file]);
    chmodSync(file, 0o644);
  }
  return names.map((name) => licence(join(modules, name)));
}

/** The packages of the lockfile for another processor, checked against its hashes; no script of theirs runs. */
function installed({ root, work, cpu }) {
  const place = join(work, 'packages');
  mkdirSync(place, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(root, file), join(place, file));
  run(
    'npm',
    ['ci', '--omit=dev', '--ignore-scripts', '--no-fund', '--no-audit', '--os=linux', '--libc=glibc', `--cpu=${cpu}`],
    { cwd: place },
  );
  return join(place, 'node_modules');
}

function closure(modules, names) {
  const found = new Set();
  const visit = (name) => {
    if (found.has(name) || BUILD_ONLY.includes(name) || !existsSync(join(modules, name))) return;
    found.add(name);
    const { dependencies, optionalDependencies } = manifestOf(join(modules, name));
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies })) visit(needed);
  };
  for (const name of names) visit(name);
  return [...found].sort();
}

/** Node itself for that processor, with its headers: the package that npm has of it. */
function nodeFor({ work, arch, node }) {
  const name = `node-linux-${CPU[arch]}`;
  const place = join(work, `${name}-${node.release}`);
  const directory = join(place, 'node_modules', name);
  if (existsSync(directory)) return directory;
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'package.json'), '{"private":true}');
  run(
    'npm',
    [
      'install',
      '--ignore-scripts',
      '--no-fund',
      '--no-audit',
      '--force',
      '--os=linux',
      `--cpu=${CPU[arch]}`,
      `${name}@${node.release}`,
    ],
    { cwd: place },
  );
  return directory;
}

function compiled({ work, modules, name, binding, arch, host, node }) {
  const from = resolve(work, 'build', String(node.abi), name);
  mkdirSync(dirname(from), { recursive: true });
  cpSync(join(modules, name), from, { recursive: true, dereference: true, filter: (path) => !path.endsWith('/build') });
  cpSync(join(modules, 'nan'), join(from, 'node_modules/nan'), { recursive: true, dereference: true });
  const { prefix } = CROSS[arch];
  const tools = arch === host ? {} : { CC: `${prefix}gcc`, CXX: `${prefix}g++`, AR: `${prefix}ar` };
  // The same bytes wherever it is compiled.
  const flags = `-ffile-prefix-map=${from}=.`;
  // What npm hands on of its configuration would come before --nodedir.
  const { npm_config_nodedir: _, ...inherited } = process.env;
  const env = { ...inherited, ...tools, CFLAGS: flags, CXXFLAGS: flags };
  const gyp = join(run('npm', ['root', '-g']).trim(), 'npm/node_modules/node-gyp/bin/node-gyp.js');
  try {
    run(process.execPath, [gyp, 'rebuild', `--arch=${CPU[arch]}`, `--nodedir=${nodeFor({ work, arch, node })}`], {
      cwd: from,
      env,
    });
  } catch (error) {
    const last = `${error.stdout}\n${error.stderr}`.trim().split('\n').slice(-20).join('\n');
    const remedy = arch === host ? 'build-essential python3' : `crossbuild-essential-${arch}`;
    throw new Error(`${name} does not compile for ${arch}: sudo apt install ${remedy}\n${last}`);
  }
  return join(from, 'build/Release', `${binding}.node`);
}

/** Loads every addon in that Node, from the tree, as the program will; gives what it said. */
function loaded({ work, target, arch, host, node }) {
  const program = join(nodeFor({ work, arch, node }), 'bin/node');
  const script = `const { Epoll } = require('epoll'), { Gpio } = require('onoff'), { openSync } = require('i2c-bus')
    if (![Epoll, Gpio, openSync].every((one) => typeof one === 'function')) process.exit(1)
    console.log('addons load in Node', process.version, process.arch)`;
  const [file, ...args] = [...(arch === host ? [] : CROSS[arch].emulator), program, '-e', script];
  return run(file, args, { cwd: dirname(target) }).trim();
}

function licence(directory) {
  const { name, version, license } = manifestOf(directory);
  const file = readdirSync(directory).find((entry) => /^(licen[cs]e|copying)(\.|$)/i.test(entry));
  const text =
    file === undefined
      ? `No licence file in the package; it says: ${license}.`
      : readFileSync(join(directory, file), 'utf8').trim();
  return `${name} ${version} (${license}), beside the program\n\n${text}\n`;
}

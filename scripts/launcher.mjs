#!/usr/bin/env node
/*
 * Starts Sedge. Written for old versions of Node, so that they can read it and say what is wrong; with `node:` left out,
 * which the oldest of them do not know.
 *
 * The bundle is run through vm.Script, because only that takes compiled code from a file: it saves a fifth of the start's
 * work. Compiled code of another Node or for other flags is ignored by V8 itself.
 */
// biome-ignore-all lint/style/useNodejsImportProtocol: Node 12 knows no `node:`
import { readFileSync } from 'fs';
import { createRequire } from 'module';
import { dirname, join } from 'path';
import { fileURLToPath } from 'url';
import { setFlagsFromString } from 'v8';
import { Script } from 'vm';

var NEEDED = [20, 19];
var version = process.versions.node.split('.').map(Number);
if (version[0] < NEEDED[0] || (version[0] === NEEDED[0] && version[1] < NEEDED[1])) {
  console.error(
    'sedge needs Node ' +
      NEEDED.join('.') +
      ' or later, this is ' +
      process.versions.node +
      ': install a newer Node and run this again',
  );
  process.exit(1);
}

var directory = dirname(fileURLToPath(import.meta.url));
var file = join(directory, 'sedge.cjs');
var options = { filename: file };
try {
  options.cachedData = readFileSync(join(directory, 'sedge.cache'));
} catch (missing) {
  void missing; // It is only there to be quick.
}
var loaded = { exports: {} };
var run = new Script(readFileSync(file, 'utf8'), options).runInThisContext();
options = undefined; // V8 has taken what it needs; a megabyte less to hold.
// Said only now, because V8 takes compiled code for the flags it was compiled with.
// A scavenge of so small a heap takes a millisecond on one thread; sharing it out would wake four.
setFlagsFromString('--no-parallel-scavenge');
// Optimise what runs a lot (a backlog that drains), not all that runs for long: each function optimised leaves memory with
// the thread that did it, 7 MB in the first quarter of an hour. The flag is V8 11's, which is Node 20's.
if (/^11\./.test(process.versions.v8)) setFlagsFromString('--interrupt-budget=2000000');
// A full collection when the heap has grown by two fifths, not when it has doubled or trebled: a backlog that drains leaves
// garbage in the old part of it, and memory would follow until the first collections have shown V8 what it is like.
setFlagsFromString('--heap-growing-percent=40');
// The last argument: a script has no import() of its own, and users' drivers may be ES modules.
run(loaded.exports, createRequire(file), loaded, file, directory, (specifier) => import(specifier));
loaded.exports.runProcess();

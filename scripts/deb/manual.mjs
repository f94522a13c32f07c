/** sedge(1), made of what the program itself prints for --help, so that they cannot disagree. */
import { execFileSync } from 'node:child_process';

/** A backslash begins a request of roff, and so does a dot or an apostrophe at the start of a line. */
const literal = (text) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll(/^([.'])/gm, '\\&$1')
    .replaceAll('-', '\\-');

const verbatim = (text) => `.nf\n${literal(text.trimEnd())}\n.fi\n`;

export function manual({ program, epoch, version }) {
  const help = (...args) => execFileSync(process.execPath, [program, ...args, '--help'], { encoding: 'utf8' });
  const general = help();
  const commands = [...general.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => name);
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  return [
    `.TH SEDGE 1 "${date}" "sedge ${version}" "User Commands"\n`,
    '.SH NAME\nsedge \\- reads sensors and publishes every reading until a broker has acknowledged it\n',
    '.SH SYNOPSIS\n.B sedge\n.I COMMAND\n[\n.I OPTIONS\n]\n',
    `.SH DESCRIPTION\n${verbatim(general.split('\n').slice(2).join('\n'))}`,
    '.SH COMMANDS\n',
    ...commands.map((name) => `.SS sedge ${name}\n${verbatim(help(name).replace(/^Usage: /, ''))}`),
    '.SH FILES\n.TP\n.I /etc/sedge/sedge.yaml\nthe configuration\n.TP\n.I /var/lib/sedge\nthe journal: what waits to be delivered\n',
    '.SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 69 something needed is not there, 75 another process holds the journal,\n78 the configuration is wrong.\n',
    '.SH SEE ALSO\n.BR systemctl (1),\n.BR journalctl (1),\n.I /usr/share/doc/sedge\n',
  ].join('');
}

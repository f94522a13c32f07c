/** What is known of the board: which one it is, and what its firmware was told in config.txt. */
import type { SystemFiles } from '../system.ts';

/** Since Raspberry Pi OS 12, and before. */
const CONFIG_FILES = ['/boot/firmware/config.txt', '/boot/config.txt'];
const MODEL = '/proc/device-tree/model';

export interface Board {
  readonly isPi: boolean;
  /** "Raspberry Pi 4 Model B Rev 1.4", where there is a device tree. */
  readonly model: string | undefined;
  /** The firmware's file; undefined where there is none. */
  readonly configFile: string | undefined;
  /** Value of a dtparam: `on` of `dtparam=i2c_arm=on`. The last line counts. */
  param(name: string): string | undefined;
  /** Lines `dtoverlay=...`, as they are written behind the equals sign. */
  readonly overlays: readonly string[];
  readonly hasRaspiConfig: boolean;
}

export async function boardOf(files: SystemFiles): Promise<Board> {
  const model = await files.text(MODEL);
  let configFile: string | undefined;
  let lines: readonly string[] = [];
  for (const path of CONFIG_FILES) {
    const text = await files.text(path);
    // The old place holds a note that the file has moved.
    if (text === undefined || configFile !== undefined) continue;
    configFile = path;
    lines = text.split('\n').map((line) => line.trim());
  }
  const after = (key: string) => lines.filter((line) => line.startsWith(key)).map((line) => line.slice(key.length));
  const params = after('dtparam=').flatMap((line) => line.split(','));
  return {
    isPi: model?.includes('Raspberry Pi') ?? false,
    model,
    configFile,
    param: (name) =>
      params
        .filter((param) => param.startsWith(`${name}=`))
        .at(-1)
        ?.slice(name.length + 1),
    overlays: after('dtoverlay='),
    hasRaspiConfig: (await files.facts('/usr/bin/raspi-config')) !== undefined,
  };
}

const ON = new Set(['on', '1', 'true', 'yes']);
export const isOn = (value: string | undefined): boolean => value !== undefined && ON.has(value);

/** A line of config.txt to be added, and the restart that it needs. */
export const addLine = (board: Board, line: string): string =>
  `echo '${line}' | sudo tee -a ${board.configFile ?? CONFIG_FILES[0]} && sudo reboot`;

export const enableI2c = (board: Board): string =>
  board.hasRaspiConfig ? 'sudo raspi-config nonint do_i2c 0 && sudo reboot' : addLine(board, 'dtparam=i2c_arm=on');

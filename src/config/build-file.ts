/** A file uplink of the configuration. Whether its directory is there is no matter of the configuration: a stick comes and goes. */
import { isAbsolute, relative } from 'node:path';
import type { UplinkDesk } from './build-uplink.ts';
import type { FileUplinkConfig } from './types.ts';

export interface FileFile {
  readonly type: 'file';
  readonly directory?: string;
  readonly mount_point?: string;
  readonly format: FileUplinkConfig['format'];
  readonly rotate?: { readonly size: number; readonly every: number };
}

export async function buildFile(
  { directory, mount_point: mountPoint, format, rotate }: FileFile,
  { common, report }: UplinkDesk,
): Promise<FileUplinkConfig | undefined> {
  if (directory === undefined || !rotate) return undefined;
  if (mountPoint !== undefined) {
    const below = relative(mountPoint, directory);
    if (isAbsolute(below) || below.split('/')[0] === '..')
      report('mount_point', 'is not above directory: files would go where nothing need be mounted');
  }
  return {
    ...common,
    type: 'file',
    directory,
    format,
    rotate: { sizeBytes: rotate.size, everyMs: rotate.every },
    ...(mountPoint !== undefined && { mountPoint }),
  };
}

import { describe, expect, it } from 'vitest';
import { statusPlace, statusSockets } from '../../src/service/status-place.ts';

const journal = '/var/lib/sedge';
const place = (env: NodeJS.ProcessEnv, directory = journal) =>
  statusPlace(directory, { env, uid: 1000, tmpdir: '/tmp' });

describe('where a service answers', () => {
  it('is systemd’s runtime directory, open to the group', () => {
    expect(place({ RUNTIME_DIRECTORY: '/run/sedge:/run/other', XDG_RUNTIME_DIR: '/tmp' })).toEqual({
      socket: '/run/sedge/sedge.sock',
      directory: '/run/sedge',
      socketMode: 0o660,
      isPrivate: false,
    });
  });

  it('is the user’s own runtime directory, else one of the user’s in /tmp, for the user alone', () => {
    expect(place({ XDG_RUNTIME_DIR: '/tmp' })).toMatchObject({
      socket: expect.stringMatching(/^\/tmp\/sedge\/[0-9a-f]{16}\.sock$/),
      socketMode: 0o600,
      isPrivate: true,
    });
    expect(place({}).socket).toMatch(/^\/tmp\/sedge-1000\/[0-9a-f]{16}\.sock$/);
    expect(place({ XDG_RUNTIME_DIR: '/run/user/none-such' }).directory).toBe('/tmp/sedge-1000');
  });

  it('is one per journal', () => {
    expect(place({}).socket).toBe(place({}).socket);
    expect(place({}, '/elsewhere').socket).not.toBe(place({}).socket);
  });

  it.each([{ RUNTIME_DIRECTORY: '/run/sedge' }, { XDG_RUNTIME_DIR: '/tmp' }, {}])(
    'is among the places where it is looked for: %j',
    (env) => {
      const surroundings = { env, uid: 1000, tmpdir: '/tmp' };
      expect(statusSockets(journal, undefined, surroundings)).toContain(statusPlace(journal, surroundings).socket);
    },
  );

  it('is looked for as the owner of the journal as well, and at the system’s place', () => {
    const [name] = statusPlace(journal, { env: {}, uid: 0, tmpdir: '/tmp' }).socket.split('/').slice(-1);
    expect(statusSockets(journal, 1000, { env: {}, uid: 0, tmpdir: '/tmp' })).toEqual([
      `/run/user/0/sedge/${name}`,
      `/tmp/sedge-0/${name}`,
      `/run/user/1000/sedge/${name}`,
      `/tmp/sedge-1000/${name}`,
      '/run/sedge/sedge.sock',
    ]);
  });
});

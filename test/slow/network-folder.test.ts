import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makePassages, makeRows, TINY_MODEL, Workspace } from '../cli/run-cli.js';
import { runWithin } from './run-within.js';

const SFTP_SERVER = '/usr/lib/openssh/sftp-server';

/** A folder of this machine through sshfs, which talks to the server without a network; nothing where that cannot be. */
function mountNetworkFolder(): { folder: string; place: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'hn-mine-network-'));
  const place = join(folder, 'mounted');
  const command = join(folder, 'ssh');
  mkdirSync(join(folder, 'far'));
  mkdirSync(place);
  writeFileSync(command, `#!/bin/sh\nexec ${SFTP_SERVER}\n`);
  chmodSync(command, 0o755);
  try {
    if (!existsSync(SFTP_SERVER)) throw new Error('no server');
    const options = ['-o', `ssh_command=${command}`];
    execFileSync('sshfs', [`host:${join(folder, 'far')}`, place, ...options], { stdio: 'ignore' });
    return { folder, place };
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
}

const mounted = mountNetworkFolder();
const why = mounted ? '' : ' (skipped: needs sshfs, openssh-sftp-server and a user who may mount)';

afterAll(() => {
  if (!mounted) return;
  execFileSync('umount', [mounted.place]);
  rmSync(mounted.folder, { recursive: true });
});

describe.skipIf(!mounted)(`a cache folder on a network file system${why}`, () => {
  it('works, is warned of in one line, and holds no temporary files', async () => {
    const workspace = new Workspace();
    workspace.write('train.jsonl', makeRows(5));
    workspace.write('pool.jsonl', makePassages(64));
    const cacheDir = join(mounted?.place as string, 'cache');
    const flags = ['--input', 'train.jsonl', '--pool', 'pool.jsonl', '--model', TINY_MODEL, '--range', '0-9', '--neg'];
    const warning = `warning: ${cacheDir}: on a network file system (sshfs), where keeping vectors is slow; give a --cache-dir on a local disk\n`;
    const local = await runWithin(workspace, [...flags, '5', '--quiet', '--no-cache']);
    expect({ code: local.code, stderr: local.stderr }).toEqual({ code: 0, stderr: '' });
    for (const reused of [0, 69]) {
      const run = await runWithin(workspace, [...flags, '5', '--cache-dir', cacheDir]);
      expect(run.stderr.split(warning)).toHaveLength(2);
      expect(run.stderr).toContain(`embedded   69 texts, ${reused} of them known from earlier runs\n`);
      expect(run.stdout === local.stdout).toBe(true);
      expect(readdirSync(cacheDir)).toEqual(['embeddings']);
    }
  });
});

import { mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findNetworkType } from '#dist/store/network-folder.js';
import { makeTemporaryFolder, removeTemporaryFolders } from '../temporary-folder.js';

const MOUNTS = [
  '22 27 0:21 / /proc rw,relatime - proc proc rw',
  '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard',
  '40 27 0:50 / /home rw,relatime shared:1 master:2 - nfs4 server:/home rw,vers=4.2',
  '41 40 254:1 / /home/local rw,relatime - xfs /dev/vdb rw',
  '42 27 0:51 / /mnt/team\\040drive rw - cifs //server/team rw',
  '43 27 0:52 / /mnt/ssh rw - fuse.sshfs user@host:/ rw',
  '44 27 0:53 / /mnt/usb rw - fuse.ntfs-3g /dev/sdb1 rw',
  '45 27 254:2 / /mnt/twice rw - ext4 /dev/vdc rw',
  '46 45 0:54 / /mnt/twice rw - lustre mgs:/scratch rw',
  '',
].join('\n');

describe('findNetworkType', () => {
  it.each([
    ['/home/ada/.cache/hn-mine', 'nfs4'],
    ['/home', 'nfs4'],
    ['/homework', undefined],
    ['/home/local/cache', undefined],
    ['/mnt/team drive/cache', 'cifs'],
    ['/mnt/ssh/cache', 'sshfs'],
    ['/mnt/usb/cache', undefined],
    ['/mnt/twice/cache', 'lustre'],
    ['/var/cache', undefined],
  ])('takes %s to lie on %s', (folder, type) => {
    expect(findNetworkType(folder, MOUNTS)).toBe(type);
  });
});

describe('findNetworkType on real folders', () => {
  afterEach(removeTemporaryFolders);

  it('follows links, to folders that are not made yet too', () => {
    const folder = realpathSync(makeTemporaryFolder());
    const target = join(folder, 'far');
    mkdirSync(target);
    symlinkSync(target, join(folder, 'link'));
    const mounts = `1 1 0:1 / / rw - ext4 a rw\n2 1 0:2 / ${target} rw - nfs b rw\n`;
    expect(findNetworkType(join(folder, 'link', 'not', 'there'), mounts)).toBe('nfs');
    expect(findNetworkType(join(folder, 'near'), mounts)).toBeUndefined();
  });
});

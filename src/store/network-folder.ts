import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';

/** File systems whose files are on another machine, as Linux names their types. */
const NETWORK_TYPES = new Set(
  'nfs nfs4 cifs smb3 smbfs afs ceph lustre gpfs beegfs 9p orangefs pvfs2 panfs wekafs glusterfs davfs ncpfs coda'.split(
    ' ',
  ),
);

/** The same for those that run as programs; others of them, such as ntfs-3g or mergerfs, are on this machine. */
const NETWORK_PROGRAMS = new Set(
  'sshfs s3fs mount-s3 mountpoint-s3 goofys gcsfuse rclone glusterfs juicefs ceph-fuse blobfuse blobfuse2 curlftpfs davfs2'.split(
    ' ',
  ),
);

/**
 * The type of the network file system that a folder lies on, or will lie on once it is made; nothing where it lies on a
 * disk of this machine, or where the system does not tell (only Linux does).
 */
export function findNetworkType(folder: string, mounts: string = readMounts()): string | undefined {
  const type = typeOf(followLinks(resolve(folder)), mounts);
  const program = type?.startsWith('fuse.') ? type.slice('fuse.'.length) : undefined;
  const isNetwork = type !== undefined && (NETWORK_TYPES.has(type) || NETWORK_PROGRAMS.has(program ?? ''));
  return isNetwork ? (program ?? type) : undefined;
}

function readMounts(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

/** A path without links, as far as it exists. */
function followLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(followLinks(parent), basename(path));
  }
}

/** The type of the deepest mount that holds a path; of several at one place, the last one hides the others. */
function typeOf(path: string, mounts: string): string | undefined {
  let deepest: { readonly place: string; readonly type: string } | undefined;
  for (const line of mounts.split('\n')) {
    // "36 35 98:0 /root /place options optional… - type source options", spaces in names as \040.
    const [, place, type] = /^(?:\S+ ){4}(\S+) .*? - (\S+)/.exec(line) ?? [];
    if (place === undefined || type === undefined) continue;
    const name = place.replaceAll(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)));
    const isAbove = path === name || path.startsWith(name.endsWith(sep) ? name : name + sep);
    if (isAbove && name.length >= (deepest?.place.length ?? 0)) deepest = { place: name, type };
  }
  return deepest?.type;
}

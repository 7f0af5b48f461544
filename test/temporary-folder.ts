import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders: string[] = [];

export function makeTemporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hn-mine-test-'));
  folders.push(folder);
  return folder;
}

/** All that were made; for `afterEach`. */
export function removeTemporaryFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

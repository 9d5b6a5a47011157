import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readJson, root } from './project-files.js';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const manifest = readJson('package.json') as {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly scripts: Record<string, string>;
};
const lock = readJson('package-lock.json') as { readonly packages: Record<string, LockedPackage> };
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');

describe('the lockfile', () => {
  it('names no registry host, and a checksum for each package', () => {
    expect(locked.length).toBeGreaterThan(100);
    expect(
      locked.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path),
    ).toEqual([]);
    expect(
      locked.filter(([, entry]) => entry.integrity === undefined).map(([path]) => path),
    ).toEqual([]);
  });

  it('holds no package that compiles or downloads at install', () => {
    expect(locked.filter(([, entry]) => entry.hasInstallScript).map(([path]) => path)).toEqual([]);
  });
});

it.each(['bench', 'ecosystem'])('the lockfile of %s names no registry host', (folder) => {
  const { packages } = readJson(`${folder}/package-lock.json`) as typeof lock;
  const places = Object.values(packages).flatMap(({ resolved }) => resolved ?? []);
  expect(places.filter((place) => !place.startsWith('file:'))).toEqual([]);
});

describe('package.json', () => {
  it('runs nothing when it is installed', () => {
    const atInstall = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];
    expect(Object.keys(manifest.scripts).filter((name) => atInstall.includes(name))).toEqual([]);
  });

  it('has no dependency without a reason in docs/dependencies.md', () => {
    const reasons = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
    const names = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)];
    expect(names.filter((name) => !reasons.includes(`| \`${name}\``))).toEqual([]);
  });

  it('has no reason in docs/dependencies.md without the dependency', () => {
    const reasons = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
    const names = [...reasons.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name);
    const known = { ...manifest.dependencies, ...manifest.devDependencies };
    expect(names.filter((name) => !Object.hasOwn(known, name))).toEqual([]);
  });
});

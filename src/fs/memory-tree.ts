import type { RandomSource } from '../base/prng.js';
import { chance } from './chance.js';
import { MemoryInode } from './memory-inode.js';

export type MemoryNode = MemoryInode | MemoryDirectory;

export class MemoryDirectory {
  readonly id: number;
  /** What programs see. */
  entries = new Map<string, MemoryNode>();
  /** What the medium holds. */
  durable = new Map<string, MemoryNode>();

  constructor(id: number) {
    this.id = id;
  }
}

/** One name that begins to mean `node`, or nothing. */
export interface NameChange {
  readonly directory: MemoryDirectory;
  readonly name: string;
  readonly node: MemoryNode | undefined;
}

/** Changes that reach the medium together or not at all: a rename is two. */
type NameOperation = readonly NameChange[];

/** Directories and their names, and which operations on names are not on the medium yet. */
export class MemoryTree {
  readonly root: MemoryDirectory;
  #nextId: number;
  #unsynced: NameOperation[] = [];

  constructor(root = new MemoryDirectory(0), nextId = 1) {
    this.root = root;
    this.#nextId = nextId;
  }

  newFile(): MemoryInode {
    return new MemoryInode(this.#nextId++);
  }

  newDirectory(): MemoryDirectory {
    return new MemoryDirectory(this.#nextId++);
  }

  change(operation: NameOperation): void {
    for (const { directory, name, node } of operation) {
      const before = directory.entries.get(name);
      if (before instanceof MemoryInode) before.links--;
      if (node instanceof MemoryInode) node.links++;
      setName(directory.entries, name, node);
    }
    this.#unsynced.push(operation);
  }

  /** Makes the operations on this directory durable, and those on other directories that they build on. */
  syncDirectory(directory: MemoryDirectory): void {
    const names = new Set<string>();
    const due: NameOperation[] = [];
    const left: NameOperation[] = [];
    for (const operation of this.#unsynced.toReversed()) {
      const isDue = operation.some(
        (change) => change.directory === directory || names.has(nameOf(change)),
      );
      (isDue ? due : left).push(operation);
      if (isDue) for (const change of operation) names.add(nameOf(change));
    }
    this.#unsynced = left.reverse();
    for (const operation of due.reverse()) {
      for (const change of operation) setName(change.directory.durable, change.name, change.node);
    }
  }

  /** A tree of its own with the same content and the same unsynced operations. */
  clone(): MemoryTree {
    const copies = new Map<MemoryNode, MemoryNode>();
    const copyOf = (node: MemoryNode): MemoryNode => {
      let copy = copies.get(node);
      if (copy === undefined) {
        copy = node instanceof MemoryInode ? node.clone() : new MemoryDirectory(node.id);
        copies.set(node, copy);
        if (node instanceof MemoryDirectory) fill(copy as MemoryDirectory, node);
      }
      return copy;
    };
    const fill = (copy: MemoryDirectory, directory: MemoryDirectory): void => {
      for (const [name, node] of directory.entries) {
        const child = copyOf(node);
        if (child instanceof MemoryInode) child.links++;
        copy.entries.set(name, child);
      }
      for (const [name, node] of directory.durable) copy.durable.set(name, copyOf(node));
    };
    const tree = new MemoryTree(copyOf(this.root) as MemoryDirectory, this.#nextId);
    tree.#unsynced = this.#unsynced.map((operation) =>
      operation.map(({ directory, name, node }) => ({
        directory: copyOf(directory) as MemoryDirectory,
        name,
        node: node === undefined ? undefined : copyOf(node),
      })),
    );
    return tree;
  }

  /**
   * What the medium holds after a power loss: each unsynced operation is there
   * with probability `keep`, unless an earlier one on the same name was lost.
   */
  crash(keep: number, random: RandomSource): MemoryTree {
    const names = new Map<MemoryDirectory, Map<string, MemoryNode>>();
    const namesIn = (directory: MemoryDirectory): Map<string, MemoryNode> => {
      let found = names.get(directory);
      if (found === undefined) names.set(directory, (found = new Map(directory.durable)));
      return found;
    };
    const lost = new Set<string>();
    for (const operation of this.#unsynced) {
      if (operation.some((change) => lost.has(nameOf(change))) || !chance(random, keep)) {
        for (const change of operation) lost.add(nameOf(change));
      } else {
        for (const change of operation) {
          setName(namesIn(change.directory), change.name, change.node);
        }
      }
    }
    const inodes = new Map<MemoryInode, MemoryInode>();
    const survivor = (inode: MemoryInode): MemoryInode => {
      let after = inodes.get(inode);
      if (after === undefined) inodes.set(inode, (after = inode.crash(keep, random)));
      after.links++;
      return after;
    };
    const copy = (directory: MemoryDirectory): MemoryDirectory => {
      const after = new MemoryDirectory(directory.id);
      for (const [name, node] of namesIn(directory)) {
        after.entries.set(name, node instanceof MemoryInode ? survivor(node) : copy(node));
      }
      after.durable = new Map(after.entries);
      return after;
    };
    return new MemoryTree(copy(this.root), this.#nextId);
  }

  /** Calls `visit` with the absolute path of each file. */
  forEachFile(visit: (path: string, inode: MemoryInode) => void): void {
    const walk = (directory: MemoryDirectory, prefix: string): void => {
      for (const [name, node] of directory.entries) {
        if (node instanceof MemoryInode) visit(prefix + name, node);
        else walk(node, `${prefix}${name}/`);
      }
    };
    walk(this.root, '/');
  }
}

function setName(names: Map<string, MemoryNode>, name: string, node: MemoryNode | undefined): void {
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}

function nameOf(change: NameChange): string {
  return `${change.directory.id}/${change.name}`;
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Where a peer does what it is told: in its main thread, or in a worker thread. */
export type Place = 'main' | 'worker';
export type Action = 'open' | 'read-only' | 'destroy' | 'repair' | 'close' | 'child' | 'terminate';

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly code?: string;
  readonly message?: string;
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Another process that opens databases as it is told: `peer.mjs`. */
export class Peer {
  readonly process: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #nextId = 1;

  /** `command` and its arguments go before Node's, for namespaces of its own. */
  constructor(hasFlock: boolean, command: readonly string[] = []) {
    const node = [process.execPath, ...(hasFlock ? [] : ['--import', pathOf('no-flock.mjs')])];
    const [file, ...parameters] = [...command, ...node, pathOf('peer.mjs')];
    this.process = spawn(file, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.process.stdout! }).on('line', (line) => {
      const reply = JSON.parse(line) as Reply;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
  }

  /** Settles with the answer: `done`, or the code of the error. */
  async tell(action: Action, path = '', place: Place = 'main', options = {}): Promise<string> {
    return (await this.ask(action, path, place, options)).code ?? 'done';
  }

  ask(action: Action, path = '', place: Place = 'main', options = {}): Promise<Reply> {
    const id = this.#nextId++;
    const answered = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve));
    this.process.stdin!.write(`${JSON.stringify({ id, action, path, place, options })}\n`);
    return answered;
  }

  async kill(): Promise<void> {
    const { exitCode, signalCode } = this.process;
    if (exitCode !== null || signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exited;
  }
}

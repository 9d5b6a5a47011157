import { channel, type Channel } from 'node:diagnostics_channel';
import { invalidArgument } from '../base/errors.js';
import { Emitter } from '../base/events.js';
import type { DatabaseEvents, DatabaseListeners } from './event-types.js';

/** The channel of each event; a message is the event with the database's `path`. */
const channels: { readonly [Name in keyof DatabaseEvents]: Channel } = {
  flush: channel('nori-lsm:flush'),
  compaction: channel('nori-lsm:compaction'),
  stall: channel('nori-lsm:stall'),
  backgroundError: channel('nori-lsm:backgroundError'),
  lock: channel('nori-lsm:lock'),
  recovery: channel('nori-lsm:recovery'),
  forgotten: channel('nori-lsm:forgotten'),
  closed: channel('nori-lsm:closed'),
};

/**
 * Tells what happens in a database: listeners of this database, and whoever
 * subscribed to the channels of all databases. An event nobody hears is not made.
 */
export class EventHub {
  readonly #path: string;
  readonly #emitter = new Emitter<DatabaseEvents>();

  constructor(path: string, listeners: DatabaseListeners) {
    this.#path = path;
    for (const [name, listener] of Object.entries(listeners)) {
      if (listener !== undefined) this.on(name as keyof DatabaseEvents, listener as () => void);
    }
  }

  on<Name extends keyof DatabaseEvents>(
    name: Name,
    listener: (event: DatabaseEvents[Name]) => void,
  ): () => void {
    checkName(name);
    return this.#emitter.on(name, listener);
  }

  off<Name extends keyof DatabaseEvents>(
    name: Name,
    listener: (event: DatabaseEvents[Name]) => void,
  ): void {
    checkName(name);
    this.#emitter.off(name, listener);
  }

  emit<Name extends keyof DatabaseEvents>(name: Name, makeEvent: () => DatabaseEvents[Name]): void {
    this.#emitter.emit(name, makeEvent);
    const listening = channels[name];
    if (listening.hasSubscribers) listening.publish({ path: this.#path, ...makeEvent() });
  }
}

/** The names of all events. */
export const eventNames: readonly string[] = Object.keys(channels);

function checkName(name: string): void {
  if (!eventNames.includes(name)) {
    throw invalidArgument(`events are ${eventNames.join(', ')}; there is no '${name}'`);
  }
}

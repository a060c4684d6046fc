import { createServer, type Server, type Socket } from 'node:net';

/** As much of a Redis server as the cache uses (RESP2: GET, SET with PX, DEL, PING), for tests on machines without one. */

interface Entry {
  readonly value: string;
  readonly expiresAtMillis: number;
}

/** Takes whole commands (arrays of bulk strings) off the front of `text`; the rest waits for more bytes. */
function takeCommands(text: string): { readonly commands: string[][]; readonly rest: string } {
  const commands: string[][] = [];
  let rest = text;
  for (;;) {
    const head = /^\*(\d+)\r\n/.exec(rest);
    if (head === null) return { commands, rest };
    const parts: string[] = [];
    let at = head[0].length;
    for (let index = 0; index < Number(head[1]); index += 1) {
      const size = /^\$(\d+)\r\n/.exec(rest.slice(at));
      if (size === null) return { commands, rest };
      const begin = at + size[0].length;
      const end = begin + Number(size[1]);
      if (rest.length < end + 2) return { commands, rest };
      parts.push(rest.slice(begin, end));
      at = end + 2;
    }
    commands.push(parts);
    rest = rest.slice(at);
  }
}

export class RespServer {
  readonly #entries = new Map<string, Entry>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  /** While true, commands are read and not answered. */
  silent = false;

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no address');
    return address.port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let pending = '';
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      const { commands, rest } = takeCommands(pending + chunk.toString());
      pending = rest;
      if (this.silent) return;
      for (const command of commands) socket.write(this.#answer(command), 'latin1');
    });
  }

  #answer([name = '', key = '', value = '', option = '', amount = '']: readonly string[]): string {
    switch (name.toUpperCase()) {
      case 'PING':
        return '+PONG\r\n';
      case 'SET': {
        if (option.toUpperCase() !== 'PX') return '-ERR only SET with PX\r\n';
        this.#entries.set(key, { value, expiresAtMillis: Date.now() + Number(amount) });
        return '+OK\r\n';
      }
      case 'GET': {
        const entry = this.#entries.get(key);
        if (entry === undefined || entry.expiresAtMillis <= Date.now()) return '$-1\r\n';
        return `$${entry.value.length}\r\n${entry.value}\r\n`;
      }
      case 'DEL':
        return `:${this.#entries.delete(key) ? 1 : 0}\r\n`;
      case 'CLIENT':
      case 'SELECT':
        return '+OK\r\n';
      default:
        return `-ERR unknown command '${name}'\r\n`;
    }
  }
}

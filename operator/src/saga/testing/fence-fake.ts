import type { Direction, ReplyOutcome } from '@sagamesh/contracts/messages';

/** The services of one saga, reduced to their fence rows (docs/architecture.md) and one outside provider. */

export type Row = 'empty' | 'pending' | 'executed' | 'rejected' | 'compensated' | 'tombstone';
export type Provider = 'untouched' | 'captured' | 'refunded' | 'cancelled';

export interface Command {
  readonly commandId: string;
  readonly stepIndex: number;
  readonly direction: Direction;
}

/** `breaks`: dies before its commit, or is in trouble. `mute`: commits and dies before it answers. */
export type Mood = 'well' | 'breaks' | 'mute';

export class FenceFake {
  readonly rows: Row[];
  provider: Provider = 'untouched';
  /** Payment handlers between the call of the provider and their second transaction. */
  readonly calling: Command[] = [];
  readonly #rejecting: ReadonlySet<number>;
  readonly #providerStep: number;

  constructor(stepCount: number, rejecting: ReadonlySet<number>, providerStep: number) {
    this.rows = Array.from({ length: stepCount }, () => 'empty');
    this.#rejecting = rejecting;
    this.#providerStep = providerStep;
  }

  row(stepIndex: number): Row {
    const row = this.rows[stepIndex];
    if (!row) throw new RangeError(`no step ${stepIndex}`);
    return row;
  }

  /** The answer, or null when none is given. */
  handle(command: Command, mood: Mood): ReplyOutcome | null {
    if (mood === 'breaks') return 'Failed';
    const outcome = this.#outcomeOf(command);
    return mood === 'mute' ? null : outcome;
  }

  #outcomeOf(command: Command): ReplyOutcome | null {
    switch (command.direction) {
      case 'execute':
        return this.#execute(command);
      case 'compensate':
        return this.#compensate(command.stepIndex);
      case 'revoke':
        if (this.row(command.stepIndex) === 'executed') return 'PivotPassed';
        if (this.row(command.stepIndex) === 'empty') this.rows[command.stepIndex] = 'tombstone';
        return 'Revoked';
    }
  }

  #execute(command: Command): ReplyOutcome | null {
    const { stepIndex } = command;
    const row = this.row(stepIndex);
    if (row === 'executed') return 'Executed';
    if (row === 'rejected') return 'Rejected';
    if (row === 'compensated' || row === 'tombstone') return 'Fenced';
    if (this.#rejecting.has(stepIndex)) {
      this.rows[stepIndex] = 'rejected';
      return 'Rejected';
    }
    if (stepIndex !== this.#providerStep) {
      this.rows[stepIndex] = 'executed';
      return 'Executed';
    }
    if (row === 'empty') {
      this.rows[stepIndex] = 'pending';
      this.calling.push(command);
      return null;
    }
    if (this.provider === 'refunded' || this.provider === 'cancelled') return 'Failed';
    this.calling.push(command);
    return null;
  }

  /** The second half of a charge: the call, and what is found in the row afterwards. */
  finishCall(command: Command, diesBeforeCommit: boolean): ReplyOutcome | null {
    if (this.provider === 'untouched') this.provider = 'captured';
    if (diesBeforeCommit) return null;
    const row = this.row(command.stepIndex);
    if (row === 'executed') return 'Executed';
    if (row !== 'pending') return 'Fenced';
    if (this.provider !== 'captured') return 'Failed';
    this.rows[command.stepIndex] = 'executed';
    return 'Executed';
  }

  #compensate(stepIndex: number): ReplyOutcome {
    const row = this.row(stepIndex);
    if (row === 'empty') {
      this.rows[stepIndex] = 'tombstone';
      return 'NothingToUndo';
    }
    if (row === 'pending' || row === 'executed') {
      if (stepIndex === this.#providerStep) {
        this.provider = this.provider === 'captured' ? 'refunded' : 'cancelled';
      }
      this.rows[stepIndex] = 'compensated';
      return 'Compensated';
    }
    return row === 'compensated' ? 'Compensated' : 'NothingToUndo';
  }
}

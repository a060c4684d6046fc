import { orderSagaFinalizer } from '@sagamesh/contracts/order-saga';
import type { OrderSagaStatus } from '@sagamesh/contracts/order-saga';
import { unreachable } from '@sagamesh/contracts/unreachable';
import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import type { Action } from '../saga/decide.ts';
import { stepAt } from '../saga/plan.ts';
import type { Fact, Recorded } from '../saga/state.ts';
import { recordedIn, wishesOf } from './checkpoint.ts';
import { conditionsFrom, sayTheSame, verdictOfInvalid } from './conditions.ts';
import type { CommandSender, Narrator, SagaMetrics, SagaStore, ServiceDirectory } from './ports.ts';
import type { SagaEntry } from './saga-memory.ts';
import type { SagaObject } from './saga-object.ts';
import { whenToWrite } from './status-cadence.ts';
import { projectStatus, statusPatch } from './status-projection.ts';
import { endLine, waitLine } from './story.ts';

export interface ActorPorts {
  readonly sagas: SagaStore;
  readonly commands: CommandSender;
  readonly services: ServiceDirectory;
  readonly narrator: Narrator;
  readonly metrics: SagaMetrics;
  /** Asked right before each effect. A paused leader must find out before it acts, not after. */
  readonly stillLeading: () => boolean;
  readonly epochMillis: () => number;
}

/** Carries out what the core decided, one effect at a time, and folds back what is true afterwards. */
export class Actor {
  readonly #ports: ActorPorts;

  constructor(ports: ActorPorts) {
    this.#ports = ports;
  }

  look(key: string): SagaObject | undefined {
    return this.#ports.sagas.get(key);
  }

  refresh(key: string): Promise<void> {
    return this.#ports.sagas.refresh(key);
  }

  fold(entry: SagaEntry, fact: Fact): void {
    const lines = entry.fold(fact, this.#ports.epochMillis());
    const object = lines.length > 0 ? this.look(entry.key) : undefined;
    if (object) this.#ports.narrator.tell(object, lines);
  }

  async act(entry: SagaEntry, action: Action): Promise<void> {
    const object = this.#objectOf(entry);
    const finalizers = object.metadata.finalizers ?? [];
    switch (action.kind) {
      case 'LookUpServices':
        this.fold(entry, {
          kind: 'ServicesLookedUp',
          missing: await this.#ports.services.missing(entry.state.plan),
        });
        return;
      case 'HoldFinalizer':
        this.#mustLead();
        await this.#ports.sagas.patchFinalizers(object, [...new Set([...finalizers, orderSagaFinalizer])]);
        break;
      case 'RecordFailure':
        await this.#writeStatus(entry, object, 'failure');
        break;
      case 'Send':
        await this.#send(entry, object, action);
        return;
      case 'RecordOutcome':
        if (await this.#writeStatus(entry, object, 'outcome')) this.#tellEnd(entry, object);
        break;
      case 'ReleaseFinalizer':
        await this.#release(object);
        // An object that was only waiting for this is gone now, so there is nothing to read back.
        this.#foldRecorded(entry, { finalizer: false });
        break;
      case 'DeleteObject':
        await this.delete(object);
        // The cache learns of it by the watch; without this we would delete again, and for ever while others hold the object.
        this.fold(entry, {
          kind: 'ObjectObserved',
          wishes: { ...entry.state.wishes, deleting: true },
          recorded: entry.state.recorded,
        });
        return;
      default:
        unreachable(action);
    }
    this.#observe(entry);
  }

  async delete(object: SagaObject): Promise<void> {
    this.#mustLead();
    await this.#ports.sagas.delete(object);
  }

  /** Writes the status when a write is due; otherwise tells when it will be (epoch milliseconds), or null. */
  async writeProgress(entry: SagaEntry): Promise<number | null> {
    this.#observe(entry);
    const object = this.look(entry.key);
    if (object?.content.kind !== 'open' || object.metadata.uid !== entry.uid) return null;
    const { status } = object.content;
    if (status.outcome) return null;
    const nowMillis = this.#ports.epochMillis();
    const projected = projectStatus(entry.state, object.metadata.generation ?? 1, status, nowMillis);
    const due = whenToWrite(status, projected, entry.lastStatusWriteMillis, nowMillis);
    if (due.kind === 'later') return due.atMillis;
    if (due.kind === 'now') await this.#storeStatus(entry, object, statusPatch(projected, status), due.cause);
    return null;
  }

  /** Only for objects that admission would refuse today; they are left alone, and say so. */
  async reportInvalid(object: SagaObject, stored: OrderSagaStatus, problem: string): Promise<void> {
    const { finalizers = [], deletionTimestamp } = object.metadata;
    const isHeld = finalizers.includes(orderSagaFinalizer);
    if (stored.outcome) {
      // It ended under a spec that was valid then: nothing is left to do that the spec would have to tell.
      if (isHeld) await this.#release(object);
      return;
    }
    const verdict = verdictOfInvalid(problem, isHeld && deletionTimestamp !== undefined);
    const generation = object.metadata.generation ?? 1;
    const conditions = conditionsFrom(verdict, stored.conditions, generation, this.#ports.epochMillis());
    if (sayTheSame(conditions, stored.conditions)) return;
    this.#mustLead();
    await this.#ports.sagas.patchStatus(object, { observedGeneration: generation, conditions });
    this.#ports.metrics.statusWritten('invalid');
    this.#ports.narrator.tell(object, [waitLine(verdict)]);
  }

  /** The spec of an ended saga was changed: say that it was seen, or whoever compares generations waits for ever. */
  async acknowledge(object: SagaObject, stored: OrderSagaStatus): Promise<void> {
    const observedGeneration = object.metadata.generation ?? 1;
    const conditions = stored.conditions?.map((condition) => ({ ...condition, observedGeneration }));
    this.#mustLead();
    await this.#ports.sagas.patchStatus(object, {
      observedGeneration,
      ...(conditions ? { conditions } : {}),
    });
    this.#ports.metrics.statusWritten('generation');
  }

  async #release(object: SagaObject): Promise<void> {
    const finalizers = object.metadata.finalizers ?? [];
    this.#mustLead();
    await this.#ports.sagas.patchFinalizers(
      object,
      finalizers.filter((name) => name !== orderSagaFinalizer),
    );
  }

  async #send(
    entry: SagaEntry,
    object: SagaObject,
    action: Extract<Action, { kind: 'Send' }>,
  ): Promise<void> {
    const { stepIndex, direction, attempt } = action;
    const step = stepAt(entry.state.plan, stepIndex);
    const commandId = this.#ports.commands.commandId(entry, step.name, direction);
    const nowMillis = this.#ports.epochMillis();
    this.#mustLead();
    // Believed before it is done: from here on it may have been sent, whatever becomes of the call (law 3).
    this.fold(entry, { kind: 'CommandSent', stepIndex, direction, commandId });
    try {
      await this.#ports.commands.send(entry, object, { commandId, stepIndex, direction, attempt, nowMillis });
    } catch (error) {
      if (!(error instanceof TerminalError)) {
        this.fold(entry, { kind: 'ConnectionRestored' });
        throw error;
      }
      // No retry of the same bytes can help, but the saga must go on to its end: an attempt of this step that failed.
      const failed = { outcome: 'Failed', result: {}, reason: '', message: error.message } as const;
      this.fold(entry, { kind: 'ReplyArrived', step: step.name, direction, commandId, ...failed });
      return;
    }
    this.#ports.metrics.commandSent(direction);
  }

  /** False: an outcome is stored already, and what was said at the end stays said: another operator that recorded it may know more than we do. */
  async #writeStatus(entry: SagaEntry, object: SagaObject, cause: string): Promise<boolean> {
    if (object.content.kind !== 'open')
      throw new RetryableError(`${entry.key} was ended by somebody else meanwhile`);
    // What is written must not be older than what it is written upon: the object may have moved since it was decided to write.
    this.#observe(entry);
    const stored = object.content.status;
    if (stored.outcome) return false;
    const nowMillis = this.#ports.epochMillis();
    const projected = projectStatus(entry.state, object.metadata.generation ?? 1, stored, nowMillis);
    await this.#storeStatus(entry, object, statusPatch(projected, stored), cause);
    return true;
  }

  async #storeStatus(
    entry: SagaEntry,
    object: SagaObject,
    patch: Readonly<Record<string, unknown>>,
    cause: string,
  ): Promise<void> {
    const nowMillis = this.#ports.epochMillis();
    this.#mustLead();
    await this.#ports.sagas.patchStatus(object, patch);
    entry.lastStatusWriteMillis = nowMillis;
    this.#ports.metrics.statusWritten(cause);
  }

  #tellEnd(entry: SagaEntry, object: SagaObject): void {
    const { state } = entry;
    if (state.phase !== 'Ended') return;
    this.#ports.narrator.tell(object, [endLine(state)]);
    this.#ports.metrics.sagaEnded(state.outcome, state.finishedAtMillis - state.startedAtMillis);
  }

  /** Reads our own write: the cache holds the answer of the API server by now. */
  #observe(entry: SagaEntry): void {
    const object = this.look(entry.key);
    if (object?.metadata.uid !== entry.uid) return;
    if (object.content.kind !== 'open') {
      // Said and done in one write when no finalizer was ever held: the outcome that is stored is the one we wrote.
      const { state } = entry;
      const outcome = state.phase === 'Ended' ? state.outcome : state.recorded.outcome;
      this.#foldRecorded(entry, { finalizer: false, outcome });
      return;
    }
    const { spec, status } = object.content;
    const recorded = recordedIn(object, status);
    this.fold(entry, { kind: 'ObjectObserved', wishes: wishesOf(object, spec), recorded });
  }

  #foldRecorded(entry: SagaEntry, change: Partial<Recorded>): void {
    const { wishes, recorded } = entry.state;
    this.fold(entry, { kind: 'ObjectObserved', wishes, recorded: { ...recorded, ...change } });
  }

  #objectOf(entry: SagaEntry): SagaObject {
    const object = this.look(entry.key);
    if (object?.metadata.uid !== entry.uid) {
      throw new RetryableError(`${entry.key} was deleted or replaced meanwhile`);
    }
    return object;
  }

  #mustLead(): void {
    if (!this.#ports.stillLeading()) throw new RetryableError('not leading any more: nothing was done');
  }
}

import { unreachable } from '@sagamesh/contracts/unreachable';
import { ApiError, isConflict, isNotFound } from '../kube/api-error.ts';
import type { ReconcileResult } from '../kube/workers.ts';
import { decide, isOver } from '../saga/decide.ts';
import type { Action } from '../saga/decide.ts';
import { planOf } from '../saga/plan.ts';
import type { Actor } from './act.ts';
import { recordedIn, wishesOf } from './checkpoint.ts';
import type { SagaEntry, SagaMemory } from './saga-memory.ts';
import type { SagaContent, SagaObject } from './saga-object.ts';

type OpenContent = Extract<SagaContent, { kind: 'open' }>;
type EndedContent = Extract<SagaContent, { kind: 'ended' }>;

/**
 * More than any saga can have to do at once. An action that does not change what is decided next would otherwise spin here, and keep the
 * worker; so it waits longer and longer and can be seen in the metrics of the queue.
 */
const actionsMax = 12;

/**
 * WHAT WE DO with one saga: look, fold, decide, act, until nothing is to be done now. Level-triggered: whatever woke us, the answer is the same.
 *
 *   killed after ...          what is true                           next run
 *   finalizer held            no command left, or some               asks everything again: fences answer the same
 *   command sent              a row at the service, or none          sends again; "may have been sent" survives by the finalizer
 *   failure recorded          the saga turned round                  revokes again
 *   last acknowledgement      all undone, no outcome yet             asks again, is told the same, records the outcome
 *   outcome recorded          finalizer still held                   releases it
 */
export class Reconciler {
  readonly #memory: SagaMemory;
  readonly #actor: Actor;
  readonly #epochMillis: () => number;

  constructor(memory: SagaMemory, actor: Actor, epochMillis: () => number) {
    this.#memory = memory;
    this.#actor = actor;
    this.#epochMillis = epochMillis;
  }

  async reconcile(key: string): Promise<ReconcileResult> {
    try {
      const object = this.#actor.look(key);
      if (!object) return this.#finish(key);
      const { content } = object;
      switch (content.kind) {
        case 'open':
          return await this.#drive(key, object, content);
        case 'ended':
          this.#memory.forget(key);
          return await this.#expire(object, content);
        case 'invalid':
          await this.#actor.reportInvalid(object, content.status, content.problem);
          return this.#finish(key);
        default:
          return unreachable(content);
      }
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
      await this.#actor.refresh(key); // somebody else wrote: nothing of ours was, so look and decide again
      return { kind: 'requeue' };
    }
  }

  async #drive(key: string, object: SagaObject, { spec, status }: OpenContent): Promise<ReconcileResult> {
    const check = planOf(spec);
    if (check.kind === 'invalid') {
      await this.#actor.reportInvalid(object, status, check.problem);
      return this.#finish(key);
    }
    const entry = this.#memory.open(key, object, { spec, status }, check.plan, this.#epochMillis());
    const wishes = wishesOf(object, spec);
    this.#actor.fold(entry, { kind: 'ObjectObserved', wishes, recorded: recordedIn(object, status) });
    for (const reply of entry.takeReplies()) this.#actor.fold(entry, reply);
    this.#actor.fold(entry, { kind: 'TimePassed' });
    let decision = decide(entry.state, this.#epochMillis());
    for (let count = 1; decision.action; count += 1) {
      if (count > actionsMax) return { kind: 'requeue' };
      await this.#actOrShow(entry, decision.action);
      decision = decide(entry.state, this.#epochMillis());
    }
    const dueMillis = await this.#actor.writeProgress(entry);
    if (isOver(entry.state)) return this.#leave(key, decision.wakeAtMillis);
    return this.#requeueAt(dueMillis, decision.wakeAtMillis);
  }

  /** The spec may have changed between the outcome and the release; our own write wakes nobody, so that is acknowledged with one more look. */
  #leave(key: string, wakeAtMillis: number | null): ReconcileResult {
    this.#memory.forget(key);
    const content = this.#actor.look(key)?.content;
    return content?.kind === 'ended' && content.outdated
      ? { kind: 'requeue' }
      : this.#requeueAt(wakeAtMillis, null);
  }

  /** Whoever waits for a broker that is away should still see where the saga is. */
  async #actOrShow(entry: SagaEntry, action: Action): Promise<void> {
    try {
      await this.#actor.act(entry, action);
    } catch (error) {
      // Where it was the API server itself, another write would only be more of the same.
      if (!(error instanceof ApiError)) await this.#actor.writeProgress(entry);
      throw error;
    }
  }

  async #expire(object: SagaObject, content: EndedContent): Promise<ReconcileResult> {
    const { expiresAtMillis, outdated } = content;
    if (object.metadata.deletionTimestamp !== undefined) return { kind: 'done' };
    if (this.#epochMillis() < expiresAtMillis) {
      if (outdated) await this.#actor.acknowledge(object, outdated);
      return this.#requeueAt(expiresAtMillis, null);
    }
    await this.#actor.delete(object);
    return { kind: 'done' };
  }

  #finish(key: string): ReconcileResult {
    this.#memory.forget(key);
    return { kind: 'done' };
  }

  #requeueAt(a: number | null, b: number | null): ReconcileResult {
    if (a === null && b === null) return { kind: 'done' };
    const atMillis = Math.min(a ?? Infinity, b ?? Infinity);
    return { kind: 'requeueAfter', delayMillis: Math.max(0, atMillis - this.#epochMillis()) };
  }
}

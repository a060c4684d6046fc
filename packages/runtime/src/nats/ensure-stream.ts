import {
  DiscardPolicy,
  nanos,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from 'nats';
import { ensureError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { duplicateWindowMillis, streamOfName, type StreamDefinition } from '../streams.ts';
import { pause } from '../timing.ts';
import { apiCodeOf, apiCodes } from './api-error.ts';

/** Makes the streams exist as they are defined. Anybody may delete one at any time; whoever notices calls this. */

export interface StreamKeeper {
  /** Whether this process makes streams. If not, a missing one is waited for. */
  readonly makes: boolean;
  /** The stream's state; makes it when it is missing. At most one request per stream is under way. */
  ensure(streamName: string): Promise<StreamInfo>;
}

export function settingsOf(definition: StreamDefinition, replicas: number) {
  return {
    subjects: [...definition.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(definition.maxAgeMillis),
    max_bytes: definition.maxBytes,
    duplicate_window: nanos(duplicateWindowMillis),
    num_replicas: replicas,
  } satisfies Partial<StreamConfig>;
}

type Settings = ReturnType<typeof settingsOf>;

/** The server never changes these two on an existing stream. */
const fixedSettings: ReadonlySet<keyof Settings> = new Set(['retention', 'storage'] as const);

/**
 * Never fewer copies than there are: one process that was not told of NATS_REPLICAS would take them from everybody. To have fewer is for a
 * person to say, at the server.
 */
export function withoutFewerCopies(wanted: Settings, existing: Partial<StreamConfig>): Settings {
  return { ...wanted, num_replicas: Math.max(wanted.num_replicas, existing.num_replicas ?? 1) };
}

/** Names of the settings in which a stream differs from its definition. */
export function differingSettings(existing: Partial<StreamConfig>, wanted: Settings): (keyof Settings)[] {
  const names: (keyof Settings)[] = [
    'subjects',
    'retention',
    'storage',
    'discard',
    'max_age',
    'max_bytes',
    'duplicate_window',
    'num_replicas',
  ];
  return names.filter((name) => JSON.stringify(existing[name]) !== JSON.stringify(wanted[name]));
}

export interface StreamKeeperOptions {
  readonly replicas: number;
  readonly makes: boolean;
  readonly logger: Logger;
}

/** How long the server is given to finish a removal. */
const removalMillis = 250;

export function createStreamKeeper(
  manager: () => Promise<JetStreamManager>,
  { replicas, makes, logger }: StreamKeeperOptions,
): StreamKeeper {
  const underWay = new Map<string, Promise<StreamInfo>>();
  /** Streams whose settings were looked at by this process: told once, not at every look. */
  const compared = new Set<string>();

  async function infoOrMade(jsm: JetStreamManager, name: string, settings: Settings): Promise<StreamInfo> {
    try {
      return await jsm.streams.info(name);
    } catch (error) {
      if (apiCodeOf(error) !== apiCodes.streamNotFound) throw error;
    }
    // Readers hear of a deleted stream while the server is still removing it. One that is made again in that moment answers, and stores
    // nothing any more (nats-server 2.15.2: 6 of 17 rounds of delete and publish; with this pause 0 of 97).
    await pause(removalMillis);
    // Two processes may do this at once: adding an equal stream again is no error.
    const made = await jsm.streams.add({ name, ...settings });
    // The first time it is an installation, later a loss.
    logger[compared.has(name) ? 'warn' : 'info']({ stream: name }, 'made a stream that was missing');
    compared.add(name);
    return made;
  }

  async function aligned(jsm: JetStreamManager, info: StreamInfo, defined: Settings): Promise<StreamInfo> {
    const name = info.config.name;
    if (compared.has(name)) return info;
    const settings = withoutFewerCopies(defined, info.config);
    const differing = differingSettings(info.config, settings);
    const fixed = differing.filter((setting) => fixedSettings.has(setting));
    if (fixed.length > 0) {
      logger.warn(
        { stream: name, settings: fixed },
        'a stream has settings that cannot be changed; delete it to have it made anew',
      );
    }
    compared.add(name);
    if (differing.length === fixed.length) return info;
    try {
      const { retention: _retention, storage: _storage, ...changeable } = settings;
      const updated = await jsm.streams.update(name, changeable);
      logger.info({ stream: name, settings: differing }, 'updated the settings of a stream');
      return updated;
    } catch (error) {
      logger.warn(
        { stream: name, settings: differing, err: ensureError(error) },
        'could not update a stream; going on with it as it is',
      );
      return info;
    }
  }

  async function ensureNow(name: string): Promise<StreamInfo> {
    const definition = streamOfName(name);
    if (definition === undefined) throw new Error(`No stream named ${name} is defined`);
    const jsm = await manager();
    if (!makes) return jsm.streams.info(name);
    const settings = settingsOf(definition, replicas);
    return aligned(jsm, await infoOrMade(jsm, name, settings), settings);
  }

  return {
    makes,
    async ensure(streamName) {
      const running = underWay.get(streamName);
      if (running !== undefined) return running;
      const started = ensureNow(streamName).finally(() => underWay.delete(streamName));
      underWay.set(streamName, started);
      return started;
    },
  };
}

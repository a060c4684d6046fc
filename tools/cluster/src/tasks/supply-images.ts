import { SetupError } from '@sagamesh/sandbox/setup-error';
import type { KindContext } from '../kind-context.ts';
import { clusterName } from '../kind-up-plan.ts';
import type { ImageBuild } from '../project-images.ts';
import { lastLines, mustSucceed } from '../run-command.ts';

/** Images: built by Docker here, then copied to the node, which has no part in building and needs no registry. */

export async function buildImages(
  { run, root }: Pick<KindContext, 'run' | 'root'>,
  builds: readonly ImageBuild[],
  buildArgs: Readonly<Record<string, string>>,
): Promise<string> {
  let changed = 0;
  for (const { image, dockerfile } of builds) {
    const before = await imageId({ run }, image);
    await mustSucceed(
      run,
      'docker',
      [
        'build',
        '-q',
        '-f',
        dockerfile,
        '-t',
        image,
        ...Object.keys(buildArgs).flatMap((name) => ['--build-arg', name]),
        '.',
      ],
      // Docker takes the values from there: the address of a registry may hold a password, and arguments are everybody's to read.
      { cwd: root, env: buildArgs },
    );
    if ((await imageId({ run }, image)) !== before) changed += 1;
  }
  return `${builds.length} images, ${changed} changed`;
}

/** Undefined when Docker does not have the image. */
export async function imageId({ run }: Pick<KindContext, 'run'>, image: string): Promise<string | undefined> {
  const { code, stdout } = await run('docker', ['image', 'inspect', '--format', '{{.Id}}', image]);
  return code === 0 ? stdout.trim() : undefined;
}

/** `required`: the node could not fetch them by itself. Others that cannot be copied are left to the node, and a wait shows it when that fails. */
export async function loadImages(
  context: KindContext,
  images: readonly string[],
  required: boolean,
): Promise<string> {
  const here: string[] = [];
  const left: string[] = [];
  for (const image of images) {
    if (await isHere(context, image)) here.push(image);
    else if (required)
      throw new SetupError(`the image ${image} is neither here nor in a registry that docker pull reaches`);
    else left.push(image);
  }
  if (here.length > 0) {
    const loaded = await context.run('kind', ['load', 'docker-image', '--name', clusterName, ...here]);
    if (loaded.code !== 0 && required)
      throw new SetupError(`kind load failed:\n${lastLines(loaded.stderr, 15)}`);
    if (loaded.code !== 0) left.push(...here);
  }
  if (left.length > 0) context.note(`left to the node to fetch: ${left.join(', ')}`);
  return `${images.length - left.length} on the node`;
}

async function isHere(context: KindContext, image: string): Promise<boolean> {
  if ((await imageId(context, image)) !== undefined) return true;
  context.note(`docker pull ${image}`);
  const pulled = await context.run('docker', ['pull', '-q', image], { timeoutMillis: 600_000 });
  return pulled.code === 0;
}

import { z } from 'zod';
import { recordCourse } from '../exhaustive/boundary-course.ts';
import type { Course } from '../exhaustive/boundary-course.ts';
import { dieAt } from '../exhaustive/boundary-deaths.ts';
import { scenarioNamed } from '../exhaustive/boundary-scenarios.ts';
import { addCourse, addDeaths, emptyBoundaryTally } from '../exhaustive/boundary-tally.ts';
import type { BoundaryTally } from '../exhaustive/boundary-tally.ts';
import { hearTheParent, serveOrders } from './serve-orders.ts';

/** A worker of the enumeration: records a scenario's course, or dies at some of its boundaries. */

const orderSchema = z.object({
  scenario: z.string(),
  /** Numbers from 1; none: record and judge the course itself. */
  boundaries: z.array(z.int()),
});
export type BoundaryOrder = z.infer<typeof orderSchema>;

export interface BoundaryAnswer {
  readonly tally: BoundaryTally;
  /** Boundaries of the whole course. */
  readonly found: number;
}

const courses = new Map<string, Promise<Course>>();

serveOrders(orderSchema, async ({ scenario: name, boundaries }): Promise<BoundaryAnswer> => {
  const recording = courses.get(name) ?? recordCourse(scenarioNamed(name));
  courses.set(name, recording);
  const course = await recording;
  const tally = emptyBoundaryTally(name);
  if (boundaries.length === 0) addCourse(tally, course);
  for (const number of boundaries) {
    addDeaths(tally, course, number, await dieAt(course, number));
    await hearTheParent();
  }
  return { tally, found: course.boundaries.length };
});

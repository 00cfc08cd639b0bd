import { describe, expect, it } from 'vitest';
import { GroupCommit } from './group-commit.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Commits that end when the test says so. */
function byHand() {
  const groups: { writes: readonly number[]; end: PromiseWithResolvers<void> }[] = [];
  const group = new GroupCommit<number>((writes) => {
    const end = Promise.withResolvers<void>();
    groups.push({ writes, end });
    return end.promise;
  });
  return { group, groups };
}

describe('GroupCommit', () => {
  it('commits the writes of one turn together and answers when they are durable', async () => {
    const { group, groups } = byHand();
    const answered: number[] = [];
    for (const n of [1, 2, 3]) void group.add(n).then(() => answered.push(n));
    expect(groups).toEqual([]);
    await turn();
    expect(groups.map(({ writes }) => writes)).toEqual([[1, 2, 3]]);
    expect(answered).toEqual([]);
    groups[0]!.end.resolve();
    await turn();
    expect(answered).toEqual([1, 2, 3]);
  });

  it('puts what comes during a commit into the next', async () => {
    const { group, groups } = byHand();
    void group.add(1);
    await turn();
    const later = [group.add(2)];
    await turn();
    later.push(group.add(3));
    expect(groups).toHaveLength(1);
    groups[0]!.end.resolve();
    await turn();
    expect(groups[1]!.writes).toEqual([2, 3]);
    groups[1]!.end.resolve();
    await Promise.all(later);
    await group.idle();
  });

  it('fails a group as a whole and goes on', async () => {
    const { group, groups } = byHand();
    const failing = [group.add(1), group.add(2)];
    await turn();
    const next = group.add(3);
    groups[0]!.end.reject(new Error('disk full'));
    expect(await Promise.allSettled(failing)).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    await turn();
    groups[1]!.end.resolve();
    await next;
    await group.idle();
    expect(groups).toHaveLength(2);
  });
});

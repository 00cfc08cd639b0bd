import { leaseBookSuite } from './lease-book.suite.ts';
import { memoryLeaseBook } from './memory-lease-book.ts';

let book = memoryLeaseBook();
leaseBookSuite(
  'memory',
  async () => (book = memoryLeaseBook()),
  async () => book,
);

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BootFile } from '../ports.ts';
import { parseRange } from './byte-range.ts';

interface FileAnswer {
  readonly file: BootFile;
  readonly contentType: string;
  /** Each time the client has taken a chunk. */
  readonly onProgress: (sentBytes: number) => void;
  /** Once, when the answer is over. `complete`: the client has the file's last byte. */
  readonly onEnd: (end: { sentBytes: number; complete: boolean; partial: boolean; reason: string }) => void;
}

/** Answers GET or HEAD with a file: always with its length, streamed at the client's pace. */
export function sendFile(request: IncomingMessage, response: ServerResponse, answer: FileAnswer): void {
  const { file, contentType } = answer;
  // Without a validator to compare, If-Range never matches: the whole file is the answer (RFC 9110 §13.1.5).
  const range = parseRange(
    request.headers['if-range'] === undefined ? request.headers.range : undefined,
    file.size,
  );
  const headers = { 'accept-ranges': 'bytes', 'content-type': contentType };
  if (range.kind === 'unsatisfiable') {
    response
      .writeHead(416, {
        'accept-ranges': 'bytes',
        'content-range': `bytes */${file.size}`,
        'content-length': 0,
      })
      .end();
    return;
  }
  const start = range.kind === 'part' ? range.start : 0;
  const end = range.kind === 'part' ? range.end : file.size - 1;
  const length = end - start + 1;
  if (range.kind === 'part')
    response.writeHead(206, {
      ...headers,
      'content-range': `bytes ${start}-${end}/${file.size}`,
      'content-length': length,
    });
  else response.writeHead(200, { ...headers, 'content-length': length });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  stream(response, length === 0 ? null : file.open(start, end), length, {
    ...answer,
    onEnd: (result) => answer.onEnd({ ...result, partial: end < file.size - 1 }),
  });
}

function stream(
  response: ServerResponse,
  source: ReturnType<BootFile['open']> | null,
  length: number,
  { onProgress, onEnd }: FileAnswer,
): void {
  let sentBytes = 0;
  let reason = '';
  response.once('close', () => {
    source?.destroy();
    const complete = response.writableFinished && sentBytes === length;
    onEnd({ sentBytes, complete, partial: false, reason: reason || (complete ? '' : 'the client hung up') });
  });
  if (!source) {
    response.end();
    return;
  }
  const giveUp = (why: string) => {
    reason ||= why;
    // The length is already promised: breaking off is the only way to say that it is not kept.
    response.destroy();
  };
  source.on('data', (chunk: Uint8Array) => {
    sentBytes += chunk.length;
    onProgress(sentBytes);
    if (!response.write(chunk)) source.pause();
  });
  response.on('drain', () => {
    onProgress(sentBytes);
    source.resume();
  });
  source.on('error', (error) => giveUp(error.message));
  source.on('end', () => {
    if (sentBytes === length) response.end();
    else giveUp(`the file ended after ${sentBytes} of ${length} bytes`);
  });
}

import { join } from 'node:path';
import { app, BrowserWindow, dialog, session, shell } from 'electron';
import { startServing } from '../app/serve-controller.ts';
import { RackboxError } from '../base/errors.ts';

/**
 * The desktop shell: one window on the controller that runs in this process. Everything that can be tested
 * without Electron lives in `app/`.
 */
const WINDOW = { width: 1280, height: 820, minWidth: 900, minHeight: 600 } as const;

if (app.requestSingleInstanceLock()) {
  app.on('second-instance', () => BrowserWindow.getAllWindows()[0]?.focus());
  app.on('window-all-closed', () => app.quit());
  void app.whenReady().then(open);
} else {
  app.quit();
}

async function open(): Promise<void> {
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  const window = new BrowserWindow({
    ...WINDOW,
    title: 'Rackbox',
    backgroundColor: '#15181b',
    webPreferences: {
      preload: join(import.meta.dirname, '../preload/preload.cjs'),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
    },
  });
  try {
    const serving = await startServing({ listen: '127.0.0.1:0', moduleFolder: import.meta.dirname });
    keepInside(window, new URL(serving.url).origin);
    app.once('will-quit', (event) => {
      event.preventDefault();
      void serving.dispose().finally(() => app.exit(0));
    });
    await window.loadURL(serving.url);
  } catch (error) {
    if (!(error instanceof RackboxError)) throw error;
    dialog.showErrorBox(error.message, error.hint);
    app.exit(1);
  }
}

/** The window shows the controller's own pages only; web links open in the person's browser. */
function keepInside(window: BrowserWindow, origin: string): void {
  window.webContents.on('will-navigate', (event) => {
    if (new URL(event.url).origin !== origin) event.preventDefault();
  });
  window.webContents.setWindowOpenHandler(({ url }) => {
    if (/^https:\/\//.test(url)) void shell.openExternal(url);
    return { action: 'deny' };
  });
}

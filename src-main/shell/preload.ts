import { contextBridge } from 'electron';

/** The only thing of the desktop that the page sees: that it is there. */
contextBridge.exposeInMainWorld('rackboxDesktop', { platform: process.platform });

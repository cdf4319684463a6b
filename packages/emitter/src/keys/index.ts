/**
 * The keys of a cluster, and the files that hold them: `socket.io-zeromq-emitter/keys`.
 *
 * @packageDocumentation
 */
export {
  formatKeyFile,
  isKeyName,
  isOpenToOthers,
  type Key,
  KeyFileError,
  parseKeyFile,
  ROLES,
  type Role,
  readKeyFile,
} from './key-file.js'
export { type KeyPair, makeKeyPair, publicKeyOf } from './key-pair.js'
export { encodeZ85, isKey } from './z85.js'

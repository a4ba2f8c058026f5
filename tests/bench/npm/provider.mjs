// node oidc-provider with its tokens in Redis, as two processes on one port: as Mandate is measured.
//
// One client gets tokens for two resources: JWTs (ES256) for one, opaque ones for the other, which asks about them.
import cluster from "node:cluster"
import { generateKeyPairSync } from "node:crypto"
import { Redis } from "ioredis"
import { Provider } from "oidc-provider"

const settings = JSON.parse(process.env.SETTINGS)
const redis = cluster.isPrimary ? null : new Redis(settings.redis)

/** What the library asks of its storage, as far as client credentials and introspection need it. */
class InRedis {
  constructor(kind) {
    this.kind = kind
  }
  async upsert(id, payload, expiresIn) {
    await redis.set(`${this.kind}:${id}`, JSON.stringify(payload), "EX", expiresIn)
  }
  async find(id) {
    const kept = await redis.get(`${this.kind}:${id}`)
    return kept === null ? undefined : JSON.parse(kept)
  }
  async destroy(id) {
    await redis.del(`${this.kind}:${id}`)
  }
}

const resources = {
  [settings.offline]: { scope: "staff:read", accessTokenFormat: "jwt", jwt: { sign: { alg: "ES256" } } },
  [settings.asking]: { scope: "calendar:read", accessTokenFormat: "opaque" },
}
const alike = {
  id_token_signed_response_alg: "ES256",
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: "client_secret_basic",
}

function serve() {
  const provider = new Provider(settings.issuer, {
    adapter: InRedis,
    clients: [
      { ...alike, ...settings.client, grant_types: ["client_credentials"], scope: "staff:read calendar:read" },
      { ...alike, ...settings.resource, grant_types: [] },
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({ audience: resource, accessTokenTTL: 300, ...resources[resource] }),
      },
    },
    jwks: { keys: [JSON.parse(process.env.KEY)] },
    scopes: ["staff:read", "calendar:read"],
  })
  provider.listen(settings.port, "127.0.0.1")
}

if (cluster.isPrimary) {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const KEY = JSON.stringify({ ...privateKey.export({ format: "jwk" }), alg: "ES256", use: "sig" })
  for (let number = 0; number < 2; number++) cluster.fork({ KEY })
} else {
  serve()
}

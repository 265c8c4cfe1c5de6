// A real OpenID provider for the tests of sign-in: node provider.mjs PORT SIGNING_KEY.jwk
// Its interaction pages (oidc-provider's own, for development) take any login and password; the login is the subject.
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const [port, ...keys] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const groups = { sato: ['SOC-Lead'], yamada: ['SOC-L1'] };

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'sakimori',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    },
    {
      client_id: 'another',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
    },
  ],
  jwks: { keys: keys.map((path) => JSON.parse(readFileSync(path, 'utf8'))) },
  features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
  conformIdTokenClaims: false,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups', 'bank'] },
  scopes: ['openid', 'offline_access', 'email', 'groups'],
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@aozora.example`,
      email_verified: id !== 'mallory',
      groups: groups[id] ?? [],
      bank: 'aozora',
    }),
  }),
  cookies: { keys: ['only for tests'] },
  pkce: { required: () => true },
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
});

provider.listen(Number(port), '127.0.0.1', () => console.log(issuer));

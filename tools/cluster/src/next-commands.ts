/** What somebody can do who has just seen the cluster come up. */
export function nextCommands(gatewayUrl: string, httpsUrl: string): readonly string[] {
  return [
    `Gateway: ${gatewayUrl} and ${httpsUrl} (self-signed certificate: curl -k, or --cacert as below)`,
    '',
    'Register, get a token, order:',
    `  curl -s ${gatewayUrl}/api/v1/users -H 'content-type: application/json' -H 'idempotency-key: "ada-1"' \\`,
    `    -d '{"name":"Ada","email":"ada@example.org","password":"correct horse battery"}'`,
    `  TOKEN=$(curl -s ${gatewayUrl}/api/v1/users/token -H 'content-type: application/json' \\`,
    `    -d '{"email":"ada@example.org","password":"correct horse battery"}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')`,
    `  curl -si ${gatewayUrl}/api/v1/orders -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\`,
    `    -H 'idempotency-key: "order-1"' -d '{"items":[{"sku":"HEADSET","quantity":1}],"paymentMethod":"pm_card_visa","contact":{"email":"ada@example.org"}}'`,
    '',
    'The same over https:',
    `  kubectl --context kind-sagamesh get secret -n sagamesh-gateway gateway-tls -o jsonpath='{.data.tls\\.crt}' | base64 -d > gateway.crt`,
    `  curl --cacert gateway.crt ${httpsUrl}/.well-known/jwks.json`,
    '',
    'Look around:',
    '  kubectl --context kind-sagamesh get osaga -n shop',
    '  kubectl --context kind-sagamesh apply -n shop -f manifests/samples/card-declined.yaml',
    '  kubectl --context kind-sagamesh get pods -A',
    `  kubectl --context kind-sagamesh exec -n shop deploy/smtp-sink -- node -e 'fetch("http://127.0.0.1:3000/mails").then(async (r) => console.log(await r.text()))'`,
    `  kubectl --context kind-sagamesh get secret -n shop user-admin -o go-template='{{range $k, $v := .data}}{{$k}}={{$v | base64decode}}{{"\\n"}}{{end}}'   # the first administrator`,
    '  make rotate-keys   # exchange the keys that tokens are signed with',
    '  make test-kind     # what the mesh enforces, asserted on this cluster',
    '  make kind-down     # remove the cluster',
  ];
}

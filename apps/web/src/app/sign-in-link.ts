/**
 * Takes a sign-in link's fragment (`#/sign-in?link=…&keys=…`) off the address, so that neither the history
 * nor a copied address holds it. Null where the address is no such link.
 */
export function takeSignInLink(
  location: Pick<Location, 'hash'>,
  history: Pick<History, 'replaceState'>,
): string | null {
  if (!location.hash.startsWith('#/sign-in?')) return null;
  const link = location.hash;
  history.replaceState(null, '', '/');
  return link;
}

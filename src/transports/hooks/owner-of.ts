/** The object on the prototype chain, `object` included, that has the property as its own; null when none has. */
export function ownerOf(object: object, key: PropertyKey): object | null {
  let owner: object | null = object
  while (owner && !Object.hasOwn(owner, key)) owner = Object.getPrototypeOf(owner) as object | null
  return owner
}

/**
 * An object that inherits nothing, so that `__proto__` and `constructor` are names like any other. As instances of a class they
 * stay in the engine's fast form, which `Object.create(null)` does not.
 */
export class Bag {
  [name: string]: string | undefined;
}
Object.setPrototypeOf(Bag.prototype, null);
Reflect.deleteProperty(Bag.prototype, "constructor");

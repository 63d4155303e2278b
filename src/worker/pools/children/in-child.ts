let isChild = false

/** This process or thread is a child of a pool. */
export function becomeChild(): void {
  isChild = true
}

/** Whether it is: a module that starts a worker when it is loaded would start another one in each child, without end. */
export function isInChild(): boolean {
  return isChild
}

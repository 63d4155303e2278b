// The example's own tests, as the page shows them.
import '../../examples/testing/app.test.ts'

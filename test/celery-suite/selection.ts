const tasks = (name: string): string => `test_tasks.py::test_tasks::${name}`
const canvas = (name: string): string => `test_canvas.py::${name}`

/** A minute's choice of Celery's suite: a test or two of each kind. */
export const SELECTION: readonly string[] = [
  tasks('test_basic_task'),
  tasks('test_fail'),
  tasks('test_task_retried_once'),
  tasks('test_task_retried_headers'),
  tasks('test_properties'),
  tasks('test_reject_with_requeue_redelivers_and_succeeds'),
  tasks('test_pydantic_annotations'),
  canvas('test_link_error::test_link_error_eager'),
  canvas('test_link_error::test_link_error'),
  canvas('test_chain::test_simple_chain'),
  canvas('test_chain::test_complex_chain'),
  canvas('test_chain::test_chain_error_handler_with_eta'),
  canvas('test_chain::test_parent_ids'),
  canvas('test_group::test_nested_group'),
  canvas('test_group::test_parent_ids'),
  canvas('test_chord::test_add_to_chord'),
  canvas('test_chord::test_add_chord_to_chord'),
  canvas('test_chord::test_parallel_chords'),
  canvas('test_chord::test_parent_ids'),
]

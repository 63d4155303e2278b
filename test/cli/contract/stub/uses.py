"""Calls that a type checker accepts; those with a complaint are wrong."""
import datetime
import decimal
import uuid

import tasks

total: float = tasks.export_add.delay(2, 3).get(timeout=10)
tasks.export_add.apply_async((2, 3), countdown=10)
tasks.export_half.delay(4)
nothing: None = tasks.export_none.delay().get()
tasks.export_many.delay('a', 'b').get()[0]['at'].isoformat()
tasks.export_list.delay([1, 2.5])
tasks.export_nested.delay([['a']])
tasks.export_pair.delay(('a', 1))
tasks.export_record.delay({'a': 1})
tasks.export_literal.delay('pdf')
tasks.export_literal.delay(3)
tasks.export_flag.delay(True, None)
tasks.export_nullable.delay(None)
tasks.export_point.delay({'x': 1, 'y': 2}).get()['x'] + 1
tasks.export_shape.delay({'kind': 'circle', 'radius': 1})
tasks.export_address.delay({'name': 'a', 'street': 'b'})
tasks.export_level.delay('low')
tasks.export_tree.delay({'value': 1, 'children': [{'value': 2, 'children': []}]})
tasks.export_when.delay(datetime.datetime.now(), b'bytes', 2**70)
tasks.export_exact.delay(decimal.Decimal('1.5'), uuid.uuid4())
tasks.export_odd.delay({'content-type': 'a', 'from': 'b'})
tasks.export_unknown.delay(object())
tasks.export_keyed.delay({'a': {'x': 1, 'y': 2}})
tasks.export_report.delay('slug', options={'format': 'pdf', 'tags': []}).get()['url'].upper()
tasks.export_named.delay(a=1)
tasks.export_order.delay({'sku': 'a'})
tasks.export_order.delay(sku='a', count=2, to={'zip': '1'})
tasks.export_partial.delay({})
tasks.export_both.delay({'x': 1, 'y': 2, 'z': 3})
tasks.export_late.delay().get()[0]['y']
tasks.export_with_dash.delay(1)
tasks.export_judge.delay({'score': 1}).get()['score'] + 1
tasks.export_json.delay({'a': [1, None, {'b': True}]})
tasks.export_doubled_name.delay(1)
tasks.export_doubled_name_.delay('a')
tasks.export_open.delay([1], [1, True, False])
tasks.export_picked.delay({'x': 1}, {'x': 2})
tasks.export_untyped.delay('anything', goes=True)

tasks.export_add.delay('2', 3)  # wrong
tasks.export_add.delay(2)  # wrong
tasks.export_add.apply_async((2,))  # wrong
tasks.export_add.delay(x=2, y=3)  # wrong
tasks.export_literal.delay('doc')  # wrong
tasks.export_point.delay({'x': 1})  # wrong
tasks.export_shape.delay({'kind': 'triangle', 'side': 1})  # wrong
tasks.export_report.delay('slug', options={'format': 'doc', 'tags': []})  # wrong
tasks.export_order.delay(count=2)  # wrong
tasks.export_level.delay('middle')  # wrong
tasks.export_half.delay(4).get().upper()  # wrong
tasks.export_gone.delay()  # wrong
tasks.export_judge.delay({'score': '1'})  # wrong
tasks.export_json.delay(object())  # wrong
tasks.export_doubled_name.delay('a')  # wrong
tasks.export_doubled_name_.delay(1)  # wrong
tasks.export_open.delay([None], [1])  # wrong
tasks.export_picked.delay({'x': 1}, {'y': 2})  # wrong

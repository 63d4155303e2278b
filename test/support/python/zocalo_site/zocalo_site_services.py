"""A service of a site, as Zocalo finds it: passes on what comes to py.two and py.four."""

import workflows.recipe
from workflows.services.common_service import CommonService


class PassOn(CommonService):
    _service_name = "Python Pass On"
    _logger_name = "zocalo.service.pass_on"

    def initializing(self):
        for queue in ("py.two", "py.four"):
            workflows.recipe.wrap_subscribe(
                self._transport, queue, self.pass_on, acknowledgement=True
            )

    def pass_on(self, rw, header, message):
        txn = self._transport.transaction_begin(subscription_id=header["subscription"])
        self._transport.ack(header, transaction=txn)
        rw.send(message, transaction=txn)
        self._transport.transaction_commit(txn)

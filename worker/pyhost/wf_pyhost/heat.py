# SPDX-License-Identifier: Apache-2.0
"""What a run would compute in its first moments, computed in the template: nothing here changes what a run does."""
import functools
import importlib
import io
import os
import ssl

CONTEXTS = 8
MODELS = """
prefect.client.schemas.objects:FlowRun prefect.client.schemas.objects:State prefect.client.schemas.objects:TaskRun
prefect.client.schemas.objects:WorkQueue prefect.client.schemas.objects:WorkPool prefect.client.schemas.objects:Flow
prefect.client.schemas.objects:ServerDefaultResultStorage prefect.client.schemas.actions:FlowRunUpdate
prefect.client.schemas.actions:LogCreate prefect.events.filters:EventFilter
prefect.events.filters:EventNameFilter prefect.events.filters:EventOccurredFilter prefect.events.filters:EventIDFilter
prefect.client.schemas.responses:DeploymentResponse prefect.client.schemas.responses:OrchestrationResult
prefect.events.schemas.events:Event prefect.events.schemas.events:RelatedResource
""".split()


class Shelf:
    """TLS contexts with the authorities loaded, each for one use.

    Prefect makes one for each of its clients, also for http, and loading the authorities takes longer than everything
    else that a client does.
    """

    def __init__(self, cafile):
        self.make = ssl.create_default_context
        self.cafile, self.stamp = cafile, os.stat(cafile).st_mtime_ns
        self.contexts = [self.make(cafile=cafile) for _ in range(CONTEXTS)]

    def fresh(self):
        try:
            return os.stat(self.cafile).st_mtime_ns == self.stamp and not os.environ.get("SSLKEYLOGFILE")
        except OSError:
            return False

    def take(self, *args, **options):
        if not args and options == {"cafile": self.cafile} and self.fresh():
            try:
                return self.contexts.pop()
            except IndexError:
                pass
        return self.make(*args, **options)

    def open(self):
        """In a child: from here on ssl.create_default_context() looks here first."""
        @functools.wraps(self.make)
        def create_default_context(*args, **options):
            return self.take(*args, **options)
        ssl.create_default_context = create_default_context


def shelf():
    import certifi
    from prefect.settings import get_current_settings
    return Shelf(str(get_current_settings().api.ssl_cert_file or certifi.where()))


def models():
    """Builds validators that are built at their first use otherwise."""
    for text in MODELS:
        module, name = text.split(":")
        model = getattr(importlib.import_module(module), name, None)
        if model is not None and not model.__pydantic_complete__:
            model.model_rebuild()


def console():
    """Prints what a flow prints, to nobody: compiles the expressions that colour it."""
    import logging
    from prefect.logging.handlers import PrefectConsoleHandler
    handler = PrefectConsoleHandler(stream=io.StringIO())
    handler.emit(logging.LogRecord("prefect.flow_runs", logging.INFO, "", 0,
                                   "Flow run 'a-b' - Finished in state Completed() http://127.0.0.1/ :x:", (), None))

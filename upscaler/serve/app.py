"""The page's server: what it answers, and to whom."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route

from upscaler.errors import ImageError, UpscalerError, UsageError
from upscaler.models import DEFAULT_MODEL
from upscaler.models.own import own_models
from upscaler.page.tryout import models_for
from upscaler.serve.guard import Guard
from upscaler.serve.library import Library, id_of, name_of
from upscaler.serve.page import serve_page
from upscaler.serve.preview import Preview
from upscaler.serve.runner import Runner

SCALES = ("2", "3", "4")
FORMATS = ("keep", "png", "jpg", "webp")

Answer = Callable[[Request], Awaitable[Response]]


class _Json(Response):
    """JSON in ASCII: names of files need not be text."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """See `Response`."""
        return json.dumps(content).encode()


class _Server:
    """Answers requests; see `application`."""

    def __init__(self, source: Path, output: Path) -> None:
        self.library, self.runner = Library(source, output), Runner(source, output)
        self.preview = Preview(output)
        self.models = [DEFAULT_MODEL, *models_for([model.name for model in own_models()])]

    async def page(self, request: Request) -> Response:
        text, policy = serve_page(self.library, self.models, SCALES, FORMATS)
        headers = {"content-security-policy": policy}
        content = text.encode(errors="replace")  # names of folders need not be text
        return Response(content, headers=headers, media_type="text/html")

    async def files(self, request: Request) -> Response:
        return _Json(await run_in_threadpool(self.library.files))

    async def state(self, request: Request) -> Response:
        """Answer with what has happened since the browser asked last."""
        run, seen = self.runner, int(request.query_params.get("run", 0))
        since = int(request.query_params.get("since", 0)) if seen == run.number else 0
        return _Json(
            {
                "run": run.number,
                "running": run.is_running,
                "stopping": run.stopping and run.is_running,
                "seconds": run.seconds,
                "events": [self._shown(event) for event in run.events[max(0, since) :]],
                "at": len(run.events),
                "said": list(run.said),
            }
        )

    def _shown(self, event: dict[str, Any]) -> dict[str, Any]:
        target = event.get("target")
        made = {"made": self.library.made(Path(target))} if target else {}
        return {**event, "id": id_of(event["name"]), **made}

    async def start(self, request: Request) -> Response:
        given = await request.json()
        model, scale, kind = (str(given.get(name)) for name in ("model", "scale", "format"))
        if model not in self.models or scale not in SCALES or kind not in FORMATS:
            raise UsageError("there is no such model, scale or format")
        again = ["--overwrite"] if given.get("again") is True else []
        await self.runner.start(["-m", model, "-s", scale, "-f", kind, *again])
        return _Json({"run": self.runner.number})

    async def pause(self, request: Request) -> Response:
        self.runner.stop()
        return _Json({})

    async def drop(self, request: Request) -> Response:
        """Keep a picture that was dropped on the page, when all of it is here."""
        draft = await run_in_threadpool(self.library.draft)
        try:
            with draft.open("wb") as file:
                async for piece in request.stream():
                    await run_in_threadpool(file.write, piece)
            path = self.library.expect(request.query_params.get("name", ""))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return _Json({"name": path.name})

    async def small(self, request: Request) -> Response:
        make = partial(self.library.small, *_place(request))
        try:
            return Response(await run_in_threadpool(make), media_type="image/webp")
        except ImageError:  # there is nothing to see; a run says why
            return Response(status_code=204)

    async def picture(self, request: Request) -> Response:
        make = partial(self.library.shown, *_place(request))
        found, kind = await run_in_threadpool(make)
        if isinstance(found, Path):
            return FileResponse(found, media_type=kind)
        return Response(found, media_type=kind)

    async def entry(self, request: Request) -> Response:
        make = partial(self.library.entry, name_of(request.path_params["id"]))
        return _Json(await run_in_threadpool(make))

    async def previewed(self, request: Request) -> Response:
        given = await request.json()
        model, scale = str(given.get("model")), str(given.get("scale"))
        if model not in self.models or scale not in SCALES:
            raise UsageError("there is no such model or scale")
        path = self.library.path("before", name_of(str(given.get("id"))))
        make = partial(self.preview.entry, path, model, float(scale))
        return _Json(await run_in_threadpool(make))


def _place(request: Request) -> tuple[str, str]:
    return request.path_params["side"], name_of(request.path_params["id"])


def application(source: Path, output: Path, token: str, port: int) -> Starlette:
    """Return the server.

    Args:
        source, output: the only folders that it reads and writes.
        token: without which nobody is answered.
        port: on which it listens.
    """
    server = _Server(source, output)

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        await server.runner.close()
        await run_in_threadpool(server.preview.close)

    routes = [
        Route("/", _explained(server.page)),
        Route("/files", _explained(server.files)),
        Route("/state", _explained(server.state)),
        Route("/start", _explained(server.start), methods=["POST"]),
        Route("/pause", _explained(server.pause), methods=["POST"]),
        Route("/drop", _explained(server.drop), methods=["POST"]),
        Route("/preview", _explained(server.previewed), methods=["POST"]),
        Route("/small/{side}/{id}", _explained(server.small)),
        Route("/picture/{side}/{id}", _explained(server.picture)),
        Route("/entry/{id}", _explained(server.entry)),
    ]
    guard = Middleware(Guard, token=token, port=port)
    return Starlette(routes=[Mount(f"/{token}", routes=routes)], middleware=[guard], lifespan=life)


def _explained(answer: Answer) -> Answer:
    """Have errors of people and of pictures answered in a line."""

    async def explained(request: Request) -> Response:
        try:
            return await answer(request)
        except KeyError:
            return _Json({"error": "there is no such picture"}, 404)
        except (UsageError, ValueError) as error:
            return _Json({"error": str(error)}, 400)
        except ImageError as error:
            return _Json({"error": str(error)}, 422)
        except (UpscalerError, OSError) as error:
            return _Json({"error": str(error)}, 500)

    return explained

"""A generator with weights of its own, and headless Chromium, driven through its debugging pipe."""

import fcntl
import functools
import json
import os
import shutil
import signal

import numpy as np
import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-dev-shm-usage --hide-scrollbars --remote-debugging-pipe"
).split()


@functools.cache
def lived_in(preset, **settings):
    """A GAN whose weights and moving statistics are those of no new network; it is shared."""
    from keras_gan.model.gan import GAN

    gan, rng = GAN(preset, **settings), np.random.default_rng(1)
    for variable in gan.generator.variables:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif variable.name != "kernel":
            variable.assign(rng.normal(0, 0.1, variable.shape))
        else:
            variable.assign(2 * variable)
    return gan


class Chromium:
    """A browser with one page, spoken to in the Chrome DevTools Protocol; its network is off."""

    def __init__(self, executable, profile):
        (reads, self.out), (self.into, writes) = os.pipe(), os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (reads, writes)]  # clear of 3 and 4
        actions = [(os.POSIX_SPAWN_DUP2, end, number) for end, number in zip(ends, (3, 4))]
        actions += [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
        command = [executable, *_OPTIONS, f"--user-data-dir={profile}"]
        self.pid = os.posix_spawn(executable, command, os.environ, file_actions=actions)
        for end in (reads, writes, *ends):
            os.close(end)
        self.buffer, self.id, self.session, self.requests = b"", 0, None, []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self(f"{domain}.enable")
        offline = dict(offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        self("Network.emulateNetworkConditions", **offline)

    def __call__(self, method, **params):
        """Returns the result of a command of the protocol."""
        self.id += 1
        message = {"id": self.id, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self.id:
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(answer["params"]["request"]["url"])
            elif answer.get("method") == "Runtime.exceptionThrown":
                raise AssertionError(answer["params"]["exceptionDetails"])
        assert "error" not in answer, answer
        return answer["result"]

    def _read(self):
        while b"\0" not in self.buffer:
            part = os.read(self.into, 2**20)
            assert part, "Chromium has ended"
            self.buffer += part
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def open(self, path, width=1280, height=1000, dark=False, still=False, touch=False):
        """Opens a file as a new page, of that width and those preferences."""
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )
        self("Emulation.setTouchEmulationEnabled", enabled=touch)
        features = {"prefers-color-scheme": "dark" if dark else "light"}
        features |= {"prefers-reduced-motion": "reduce" if still else "no-preference"}
        self("Emulation.setEmulatedMedia", features=[{"name": n, "value": v} for n, v in features.items()])
        self.requests.clear()
        self("Page.navigate", url=path.absolute().as_uri())
        complete = "document.readyState === 'complete'"
        self.run(f"new Promise((done) => {complete} ? done() : addEventListener('load', done))")

    def run(self, expression):
        """Returns the value of a JavaScript expression on the page, a promise's once it is kept."""
        answer = self("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, *keys):
        """Presses keys on the element that has the focus."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            codes = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
            code = {"windowsVirtualKeyCode": codes[key]} if key in codes else {}
            self("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, **text, **code)
            self("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, **code)

    def close(self):
        """Ends the browser."""
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)
        os.close(self.out)
        os.close(self.into)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A `Chromium`; its tests are skipped where there is none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("needs Chromium, as of apt-get install chromium")
    browser = Chromium(found, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()

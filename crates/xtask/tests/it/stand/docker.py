"""Stands for docker and compose in tests: containers are files, and what they answer comes elsewhere.

It knows the commands and templates that the scripts of deploy use, and no others: any other is an
error. Every call is a line of the file `calls`. Commands of a container run on this machine, with
the container's names in place of what they stand for here.
"""
import json
import os
import sys

FOLDER = os.environ["FAKE_DOCKER"]


def path(name):
    return os.path.join(FOLDER, name)


def read(name, default=None):
    try:
        with open(path(name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return default


def write(name, value):
    with open(path(name + ".new"), "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(path(name + ".new"), path(name))


def fail(why, code=1):
    print(why, file=sys.stderr)
    sys.exit(code)


def services():
    return [name[:-5] for name in os.listdir(path("containers")) if name.endswith(".json")]


def by_id(wanted):
    for service in services():
        container = read(f"containers/{service}.json")
        if container and container["id"] == wanted:
            return service, container
    fail(f"no such container: {wanted!r}")


def image(name):
    """Returns the id of an image, by its name or its id."""
    images = read("images.json")
    return images.get(name) or (name if name in images.values() else None)


def up(words, given):
    service = words[-1]
    if service == "haproxy":
        name = "haproxy:2.6"
    elif service == "canary":
        name = os.environ["TIDEGATE_CANARY_IMAGE"]
    else:
        name = os.environ.get("TIDEGATE_IMAGE") or given.get("TIDEGATE_IMAGE", "tidegate:local")
    wanted = image(name) or fail(f"no such image: {name}")
    old = read(f"containers/{service}.json")
    if old and old["image"] == wanted and "--force-recreate" not in words and old["status"] == "running":
        return
    kind = read(f"kinds/{wanted}.json", {})
    count = read("count.json", 0) + 1
    write("count.json", count)
    write(f"containers/{service}.json", {
        "id": f"{service}-{count}", "image": wanted, "name": name,
        "status": kind.get("status", "running"), "health": kind.get("health", "healthy"),
    })


def compose(words):
    given = {}
    while words and words[0].startswith("--"):
        option, value = words[0], words[1]
        if option == "--env-file":
            with open(value, encoding="utf-8") as file:
                lines = [line.strip().split("=", 1) for line in file if "=" in line]
            given = {pair[0]: pair[1] for pair in lines if not pair[0].startswith("#")}
        words = words[2:]
    command, rest = words[0], words[1:]
    if command == "version":
        print("Docker Compose version v2")
    elif command == "config":
        print("replica-1\nreplica-2\ncanary\nhaproxy\nredis")
    elif command == "up":
        up(rest, given)
    elif command == "stop":
        pass
    elif command == "rm":
        if os.path.exists(path("stuck")):
            fail("it can't be removed")
        if os.path.exists(path(f"containers/{rest[-1]}.json")):
            os.remove(path(f"containers/{rest[-1]}.json"))
    elif command == "run":
        kind = read(f"kinds/{image(os.environ['TIDEGATE_CANARY_IMAGE'])}.json", {})
        assert rest[-4:] == ["canary", "store", "status", "--json"], rest
        print(json.dumps({"migration_checksum": kind.get("checksum"), "reason": kind.get("lacks")}))
        sys.exit(1 if kind.get("lacks") else 0)
    else:
        fail(f"the fake knows no compose {command}", 125)


def inspect(wanted, template):
    _, container = by_id(wanted)
    known = {
        "{{.Image}}": container["image"],
        "{{.Config.Image}}": container["name"],
        "{{.State.Status}}": container["status"],
        "{{.State.ExitCode}}": "64",
        "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}":
            f"{container['status']} {container['health']}",
    }
    print(known[template])


def execute(wanted, words):
    service, container = by_id(wanted)
    if container["status"] != "running":
        fail("it does not run")
    assert service == "haproxy", service
    places = read("places.json")
    words = [places.get(word, word) for word in words]
    if "3000" in words:
        at = words.index("3000")
        words[at - 1:at + 1] = ["127.0.0.1", places["port of " + words[at - 1]]]
    os.execvp(words[0], words)


def images(words):
    if words[0] == "inspect":
        print(image(words[-1]) or fail("no such image"))
    else:
        fail(f"the fake knows no image {words[0]}", 125)


def volume(words):
    volumes = read("volumes.json", [])
    if words[-1] not in volumes:
        fail("no such volume")
    if words[0] == "rm":
        write("volumes.json", [name for name in volumes if name != words[-1]])


def main(words):
    with open(path("calls"), "a", encoding="utf-8") as file:
        file.write(" ".join(words) + "\n")
    command, rest = words[0], words[1:]
    if command == "compose":
        compose(rest)
    elif command == "info":
        print(read("engine.json", "an-engine"))
    elif command == "ps":
        service = [word for word in rest if "compose.service=" in word][0].rsplit("=", 1)[1]
        container = read(f"containers/{service}.json")
        if container:
            print(container["id"])
    elif command == "inspect":
        inspect(rest[-1], rest[1])
    elif command == "image":
        images(rest)
    elif command == "tag":
        known = read("images.json")
        known[rest[1]] = image(rest[0]) or fail("no such image")
        write("images.json", known)
    elif command == "pull":
        fail("no such image anywhere")
    elif command == "exec":
        execute(rest[0], rest[1:])
    elif command == "port":
        print(read("places.json")["edge"])
    elif command == "logs":
        print("the log of a container")
    elif command == "volume":
        volume(rest)
    else:
        fail(f"the fake knows no {command}", 125)


main(sys.argv[1:])

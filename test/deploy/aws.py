"""The AWS command line without the half second that each start of it takes.

Loads awscli once and runs every call in a child forked from there: the same
program with the same arguments, environment, folder and open files. The calls
come from aws-call.py over the socket named by the first argument. Ends when
standard input does.
"""
import json
import os
import select
import socket
import sys
import traceback

import awscli.clidriver
import botocore.loaders
import botocore.session

SERVICES = ("cloudfront", "ecr", "ecs", "iam", "lambda", "s3", "ssm", "sts")  # that scripts ask

# Descriptions of services are read once, not by every child.
seen, load = {}, botocore.loaders.JSONFileLoader.load_file


def load_once(self, path):
    if path not in seen:
        seen[path] = load(self, path)
    return seen[path]


def run(connection, driver):
    """One call, in the child."""
    message, fds, _, _ = socket.recv_fds(connection, 1 << 20, 64)
    size, message = message.split(b"\n", 1)
    while len(message) < int(size):
        message += connection.recv(1 << 20)
    call = json.loads(message)
    for fd, at in zip(fds, call["fds"]):
        os.dup2(fd, at)
    os.chdir(call["cwd"])
    own = os.environ["AWS_DATA_PATH"]  # awscli set it when it was loaded
    os.environ.clear()
    os.environ.update(call["env"], AWS_DATA_PATH=own)
    try:
        code = driver.main(call["args"])
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send(b"%d\n" % (code or 0))


def main():
    botocore.loaders.JSONFileLoader.load_file = load_once
    # What awscli.clidriver.main() makes, as far as it depends on nothing that a
    # call brings along.
    driver = awscli.clidriver.create_clidriver()
    commands = driver._get_command_table()
    loader = driver.session.get_component("data_loader")
    for kind in ("service-2", "waiters-2", "paginators-1"):
        for service in loader.list_available_services(kind):
            if service in SERVICES:
                loader.load_service_model(service, kind)
    for name in ["s3api" if s == "s3" else s for s in SERVICES]:
        commands[name]._get_command_table()
    for service in SERVICES:
        botocore.session.get_session().create_client(service, region_name="eu-west-2", aws_access_key_id="-", aws_secret_access_key="-")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(64)
    print("ready", flush=True)
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        ready, _, _ = select.select([listener, sys.stdin], [], [], 1)
        if sys.stdin in ready:
            return
        if listener not in ready:
            continue
        connection, _ = listener.accept()
        if os.fork() == 0:
            code = 1
            try:
                listener.close()
                run(connection, driver)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        connection.close()


main()

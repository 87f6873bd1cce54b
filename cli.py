from keras_gan.commands.main import main

if __name__ == "__main__":
    main(prog_name="python cli.py")
